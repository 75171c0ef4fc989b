"""The core terms, offered to authors and mapped to by hubs: focus areas in eight languages, goals by number.

Our own words; short on purpose. A taxonomy record of the network may say more (`closeMatch`, `exactMatch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from .quality.names import folded

FOCUS, GOALS = "jisr-focus", "sdg"
LANGUAGES = ("en", "fr", "nl", "es", "da", "tr", "ar", "zgh")

FOCUS_AREAS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "education": ("education", "éducation", "onderwijs", "educación", "undervisning", "eğitim", "تعليم", "ⴰⵙⵙⵍⵎⴷ"),
        "language": ("language lessons", "cours de langue", "taallessen", "clases de lengua", "sprogundervisning",
                     "dil dersleri", "دروس اللغة", "ⵜⵉⵎⵙⵙⵓⵔⵉⵏ ⵏ ⵜⵓⵜⵍⴰⵢⵜ"),
        "health": ("health", "santé", "gezondheid", "salud", "sundhed", "sağlık", "صحة", "ⵜⴰⴷⵓⵙⵉ"),
        "mental-health": ("mental health", "santé mentale", "geestelijke gezondheid", "salud mental", "psykisk sundhed",
                          "ruh sağlığı", "صحة نفسية", "ⵜⴰⴷⵓⵙⵉ ⵏ ⵉⵏⵏⴳⵉ"),
        "disability": ("disability", "handicap", "beperking", "discapacidad", "handicap", "engellilik", "إعاقة",
                       "ⴰⵔⵎⴰⵎⵓⵏ"),
        "children": ("children", "enfance", "kinderen", "infancia", "børn", "çocuklar", "أطفال", "ⵉⵔⴱⴰⵏ"),
        "youth": ("youth", "jeunesse", "jongeren", "juventud", "unge", "gençlik", "شباب", "ⵉⵎⵥⵥⵢⴰⵏⵏ"),
        "women": ("women", "femmes", "vrouwen", "mujeres", "kvinder", "kadınlar", "نساء", "ⵜⵉⵎⵖⴰⵔⵉⵏ"),
        "older-people": ("older people", "personnes âgées", "ouderen", "personas mayores", "ældre", "yaşlılar",
                         "مسنون", "ⵉⵡⵙⵙⴰⵔⵏ"),
        "family": ("family", "famille", "gezin", "familia", "familie", "aile", "أسرة", "ⵜⴰⵡⵊⴰ"),
        "housing": ("housing", "logement", "wonen", "vivienda", "bolig", "barınma", "سكن", "ⵜⴰⵣⴷⵖⵜ"),
        "food": ("food", "alimentation", "voedsel", "alimentos", "mad", "gıda", "غذاء", "ⵓⵜⵛⵉ"),
        "debt": ("debt and money", "dettes et budget", "schulden en geld", "deudas y dinero", "gæld og penge",
                 "borç ve para", "ديون ومال", "ⴰⵎⵔⵡⴰⵙ"),
        "legal-help": ("legal help", "aide juridique", "juridische hulp", "ayuda jurídica", "retshjælp",
                       "hukuki yardım", "مساعدة قانونية", "ⵜⵉⵡⵉⵙⵉ ⵜⴰⵣⵔⴼⴰⵏⵜ"),
        "work": ("work", "emploi", "werk", "empleo", "arbejde", "iş", "شغل", "ⵜⴰⵡⵓⵔⵉ"),
        "asylum": ("asylum and migration", "asile et migration", "asiel en migratie", "asilo y migración",
                   "asyl og migration", "sığınma ve göç", "لجوء وهجرة", "ⴰⵎⵓⴷⴷⵓ"),
        "protection": ("protection from violence", "protection contre la violence", "bescherming tegen geweld",
                       "protección contra la violencia", "beskyttelse mod vold", "şiddetten korunma",
                       "حماية من العنف", "ⴰⴼⵔⴰⴳ ⵣⴳ ⵜⵎⵎⴰⵔⵜ"),
        "culture": ("culture", "culture", "cultuur", "cultura", "kultur", "kültür", "ثقافة", "ⵜⵓⵙⵙⵏⴰ"),
        "sport": ("sport", "sport", "sport", "deporte", "idræt", "spor", "رياضة", "ⵜⵓⵏⵏⵓⵏⵜ"),
        "environment": ("environment", "environnement", "milieu", "medio ambiente", "miljø", "çevre", "بيئة",
                        "ⵜⴰⵡⵏⵏⴰⴹⵜ"),
        "human-rights": ("human rights", "droits humains", "mensenrechten", "derechos humanos", "menneskerettigheder",
                         "insan hakları", "حقوق الإنسان", "ⵉⵣⵔⴼⴰⵏ ⵏ ⵓⴼⴳⴰⵏ"),
        "meeting": ("meeting and neighbourhood", "rencontre et quartier", "ontmoeting en buurt", "encuentro y barrio",
                    "møde og nabolag", "buluşma ve mahalle", "لقاء وحي", "ⴰⵎⵢⴰⴳⴰⵔ"),
        "volunteering": ("volunteering", "bénévolat", "vrijwilligerswerk", "voluntariado", "frivilligt arbejde",
                         "gönüllülük", "تطوع", "ⵜⵉⵡⵉⵣⵉ"),
        "goods": ("clothes and goods", "vêtements et biens", "kleding en spullen", "ropa y bienes", "tøj og ting",
                  "giysi ve eşya", "ملابس وأغراض", "ⵉⵎⵍⵙⴰ"),
    }
)  # fmt: skip
"""Code → its label in LANGUAGES."""
_GOALS = (
    *("no poverty", "zero hunger", "health and well-being", "quality education", "gender equality"),
    *("clean water and sanitation", "clean energy", "decent work", "industry and infrastructure"),
    *("less inequality", "sustainable cities", "responsible consumption", "climate action"),
    *("life below water", "life on land", "peace and justice", "partnerships"),
)
DEVELOPMENT_GOALS: Mapping[str, str] = MappingProxyType({str(n): label for n, label in enumerate(_GOALS, 1)})


def labels() -> dict[tuple[str, str], tuple[str, ...]]:
    """(scheme, code) of every core term → its labels."""
    focus = {(FOCUS, code): words for code, words in FOCUS_AREAS.items()}
    return focus | {(GOALS, code): (label,) for code, label in DEVELOPMENT_GOALS.items()}


def label(scheme: str, code: str, lang: str) -> str:
    """What a core term is called; the code where nothing is known."""
    if scheme == FOCUS and code in FOCUS_AREAS:
        return FOCUS_AREAS[code][LANGUAGES.index(lang) if lang in LANGUAGES else 0]
    return DEVELOPMENT_GOALS.get(code, code) if scheme == GOALS else code


def known(scheme: str, code: str) -> bool:
    """Whether this is a core term."""
    return code in {FOCUS: FOCUS_AREAS, GOALS: DEVELOPMENT_GOALS}.get(scheme, {})


def find(words: str) -> tuple[str, str] | None:
    """The (scheme, code) of the core term that is called so in any of the languages; None when none is."""
    return _by_words().get(folded(words.strip()))


@cache
def _by_words() -> Mapping[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for term, words in labels().items():
        for word in words:
            found.setdefault(folded(word), term)
    return found
