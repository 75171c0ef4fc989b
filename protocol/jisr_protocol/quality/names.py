"""Words by which the address of a person is told from that of a role, folded: small letters without marks.

Lists are short on purpose. A name that is missing here is a hint that is not given; a word that is wrongly here is a
false alarm at an organization.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


ROLES = _words(
    """
    info contact office bureau kantoor kontor ofis general algemeen generale almen genel mail email post poste kontakt
    iletisim contacto contactez hello hola hallo bonjour welkom welcome bienvenue marhaba salam selam merhaba help hulp
    aide ayuda hjaelp yardim support service services dienst servicio tjeneste hizmet intake accueil onthaal acogida
    modtagelse kabul referral verwijzing orientation orientacion henvisning yonlendirme volunteer volunteers benevole
    benevoles benevolat vrijwilliger vrijwilligers voluntario voluntarios voluntariado frivillig frivillige gonullu
    press presse pers prensa medya basin media communication communications communicatie kommunikation comunicacion
    funding fonds finance finances financien finans compta comptabilite boekhouding admin administration administratie
    administracion secretariat secretariaat secretaria sekretariat sekreterlik direction directie direccion direktion
    directeur director president presidence voorzitter presidente formand baskan board bestuur bestyrelse
    coordination coordinator coordinateur coordinatie coordinador koordination koordinator koordinator partnership
    partnerships partenariat partenariats partner partners network reseau netwerk red netvaerk ag team equipe equipo
    ekip membership members membres leden socios medlem uye events agenda noreply no reply webmaster newsletter
    nieuwsbrief jobs emploi vacatures rh hr training formation opleiding formacion coach coachs coaches mentor mentors
    school ecole escuela skole okul centre center centrum centro merkezi legal juridique juridisch social sociaal
    sociale reception receptie garde urgence emergency nood dons donations giften donate projet projets project
    projects projecten proyectos projekt association asso stichting vereniging foundation fondation fundacion fonden
    dernek vakif forum platform hub node shop winkel boutique bibliotheek bibliotheque library library gemeente mairie
    complaints klachten plaintes quejas klager sikayet privacy dpo gdpr security abuse postmaster
    """
)
"""Parts of mail addresses that name a role or a house."""

CONTACT_ROLES = _words(
    """
    general intake referral volunteers press funding complaints emergency secretariat partnership partnerships network
    reception membership donations accounting information helpline hotline office events training support venue
    """
)
"""Roles of contact points behind which a telephone is passed on from one person to the next."""

GIVEN = _words(
    """
    mohamed mohammed muhammad ahmed ahmet mehmet youssef yusuf yassine omar umar ali hassan hussein hamza khalid rachid
    said karim abdellah abdallah abdelkader abderrahman mustapha mustafa brahim ibrahim ismail driss idriss anas ayoub
    bilal zakaria soufiane mehdi nabil jamal tarik tariq samir hicham adil aziz noureddine fatima fatma khadija aicha
    ayse zineb zeynep amina emine salma sara sarah maria meryem maryam mariam imane iman hafsa hanane loubna naima nadia
    samira karima latifa malika rachida souad yasmina siham jan piet kees henk johan willem hendrik gerrit dirk marieke
    anneke ingrid saskia femke sanne annelies wouter jeroen sander pieter joost bram maarten jean pierre jacques michel
    philippe alain nicolas julien marie isabelle nathalie sylvie catherine veronique celine camille juan carlos jose
    luis antonio manuel francisco javier miguel alejandro carmen pilar dolores lucia isabel lars jens niels soren henrik
    anders mette kirsten hanne inge birgitte emre murat hakan cengiz yilmaz elif hatice sevgi john james david michael
    robert william peter paul thomas mary jennifer elizabeth susan margaret claude innocent desire aline chantal
    jeanne odette esperance gloriose
    """
)
"""Given names that are frequent where Jisr is used."""

TITLES = (
    *("mr", "mr.", "mrs", "mrs.", "ms", "ms.", "dr", "dr.", "m.", "mme", "mme.", "mlle", "monsieur", "madame"),
    *("dhr", "dhr.", "mevr", "mevr.", "mevrouw", "meneer", "sr.", "sra.", "señor", "señora", "hr.", "fru", "bay"),
    *("bayan", "السيد", "السيدة", "الأستاذ", "الأستاذة", "الدكتور", "الدكتورة", "ⵎⴰⵙⵙ", "ⵎⴰⵙⵙⴰ"),
)
"""Words that stand before the name of a person."""

SHELTERS = (
    *("shelter for women", "women's shelter", "womens shelter", "safe house", "refuge for women", "domestic violence"),
    *("vrouwenopvang", "blijf-van-mijn-lijf", "veilig huis", "huiselijk geweld", "foyer pour femmes", "femmes battues"),
    *("lieu sûr", "maison d'accueil pour femmes", "violences conjugales", "centre d'hébergement d'urgence"),
    *("casa de acogida", "violencia de género", "violencia machista", "krisecenter", "voldsramte"),
    *(
        "kadın sığınma",
        "kadın konukevi",
        "sığınma evi",
        "بيت آمن",
        "مأوى",
        "دار إيواء",
        "ضحايا العنف",
        "النساء المعنفات",
    ),
    *("victims of violence", "victims of trafficking", "ⵜⴰⴷⴷⴰⵔⵜ ⵏ ⵜⵏⴼⵔⵓⵜ"),
)
"""Words for places that people hide in from others."""
SHELTER_KINDS = frozenset({"shelter", "safe_house", "refuge", "womens_shelter", "women_shelter", "protection_house"})

MOBILE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "+212": ("6", "7"),
        "+213": ("5", "6", "7"),
        "+216": ("2", "4", "5", "9"),
        "+20": ("10", "11", "12", "15"),
        "+221": ("7",),
        "+250": ("7",),
        "+257": ("6", "7"),
        "+31": ("6",),
        "+32": ("45", "46", "47", "48", "49"),
        "+33": ("6", "7"),
        "+34": ("6", "7"),
        "+39": ("3",),
        "+44": ("7",),
        "+49": ("15", "16", "17"),
        "+90": ("5",),
        "+961": ("3", "70", "71", "76", "78", "79", "81"),
        "+962": ("7",),
        "+963": ("9",),
        "+964": ("7",),
    }
)
"""How mobile numbers begin where they differ from others; Denmark's do not."""


def folded(text: str) -> str:
    """Small letters without marks; others stay."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("æ", "ae").replace("ı", "i"))
    return "".join(c for c in plain if not unicodedata.combining(c))


def is_mobile(number: str) -> bool:
    """Whether a number in E.164 is that of a mobile telephone, as far as its beginning tells."""
    return any(
        number.startswith(country + beginning) for country, beginnings in MOBILE.items() for beginning in beginnings
    )
