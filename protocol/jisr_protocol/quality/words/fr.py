"""Constats et critères en français."""

FINDINGS = {
    "missing": "« {expected} » manque. Ajoutez-le.",
    "missing_one": "Il manque l'un de ceux-ci : {expected}. Ajoutez-en un.",
    "like": "Écrivez-le ainsi : {expected}. Il y a : {came}.",
    "whole": "Écrivez un nombre entier. Il y a : {came}.",
    "yes_no": "Écrivez true ou false. Il y a : {came}.",
    "choice": "Choisissez l'un de ceux-ci : {expected}. Il y a : {came}.",
    "too_long": "Il y a place pour {expected} caractères ; il y en a {came}. Raccourcissez.",
    "too_many": "Il y a place pour {expected} ; il y en a {came}. Enlevez-en.",
    "too_few": "Il en faut au moins {expected} ; il y en a {came}.",
    "too_high": "Le plus possible est {expected} ; il y a {came}.",
    "too_low": "Il faut au moins {expected} ; il y a {came}.",
    "twice": "La même chose figure deux fois. Enlevez-en une.",
    "blank": "Il n'y a pas de mots ici. Écrivez-les, ou enlevez le champ.",
    "words": "Dites dans quelle langue sont ces mots et qui les a écrits.",
    "nobody": "Cela dit qui est une personne. Enlevez-le et nommez le rôle.",
    "hidden_place": "Ce lieu est caché : le public ne doit voir ni adresse ni point. Enlevez-les.",
    "area_place": "Ce lieu se montre comme une zone : ni rue ni point exact pour le public. Enlevez-les.",
    "contact_in_text": "Ce texte contient une adresse mail ou un numéro de téléphone. Enlevez-le.",
    "reference": "Cela ne mène à aucune fiche. Choisissez-la de nouveau. Il y a : {came}.",
    "code": "N'utilisez que des lettres latines, des chiffres et des signes comme - et _. Il y a : {came}.",
    "kind_unknown": "Cette sorte de fiche n'est pas connue : {came}.",
    "form": "Cela n'a pas la forme attendue ici : {expected}. Il y a : {came}.",
    "unsignable": "Cela ne peut pas être signé : attendu {expected} ; il y a : {came}.",
    "person.mail": "« {came} » ressemble à l'adresse d'une personne. Tout le monde peut la lire, et des copies"
    " restent quand cette personne part. Prenez une adresse du rôle, comme info@.",
    "person.phone": "{came} est un numéro mobile, peut-être celui d'une personne. Tout le monde peut le lire et"
    " appeler la nuit. Prenez un numéro de l'organisation, ou demandez à cette personne.",
    "person.name": "« {came} » ressemble au nom d'une personne. Tout le monde peut le lire et les moteurs de"
    " recherche le gardent. Nommez le rôle.",
    "person.text": "« {came} » dans ce texte semble mener à une seule personne. Tout le monde peut le lire."
    " Mettez-le dans les contacts, sous un rôle.",
    "place.shelter": "Cela ressemble à un lieu où des gens se cachent ({came}), et tout le monde voit exactement"
    " où il est. Ceux qui les cherchent aussi. Choisissez « caché » ou « zone ».",
    "place.text": "Ce lieu est caché, mais le texte semble dire où il est : « {came} ». Enlevez-le.",
}
CRITERIA = {
    "structure": ("La structure est juste", "Il faut d'abord corriger quelque chose."),
    "fresh": ("Confirmé dans les six derniers mois", "Confirmez que c'est toujours exact."),
    "review": ("Le jour de relecture n'est pas passé", "Voyez si c'est toujours exact et fixez un nouveau jour."),
    "over": ("N'est pas fini tout en étant dit actif", "Le dernier jour est passé. Terminez-le ou changez le jour."),
    "checked": ("Quelqu'un l'a vérifié sur place", "Faites-le vérifier par un appel, un mail ou une visite."),
    "numbers": ("Ses numéros de registre ont été vérifiés", "Cherchez le numéro dans le registre, et dites-le."),
    "persons": ("Ne dit rien de personnes privées", "Voyez ce qui semble parler d'une personne ou d'un lieu caché."),
    "letters": ("Les lettres sont ce qu'elles paraissent", "Un mot du nom mêle les lettres de deux alphabets."),
    "described": ("Dit en quelques phrases ce que c'est", "Écrivez deux ou trois phrases."),
    "reachable": ("Peut être joint", "Ajoutez une adresse mail, un téléphone ou une page de l'organisation."),
    "opening": ("Dit quand", "Ajoutez des heures ou des jours."),
    "where": ("Dit où", "Ajoutez le lieu, ou la zone d'action."),
    "whom": ("Dit pour qui", "Dites à qui cela s'adresse."),
    "languages": (
        "A son nom en deux langues",
        "Ajoutez le nom dans une autre langue. Les mots d'une machine ne comptent pas.",
    ),
    "terms": ("Dit de quoi il s'agit", "Choisissez un ou plusieurs sujets."),
}
SHARED = {
    "must fix": "À corriger",
    "could be better": "Peut être amélioré",
    "accuracy": "Est-ce juste ?",
    "usefulness": "Est-ce utile ?",
    "met": "Rempli",
    "not met": "Pas rempli",
    "not applicable": "Sans objet",
    "found": "Trouvé : {came}",
    "not asked": "Cette sorte de fiche ne le dit pas, ou le cache exprès.",
    "title": "{title} : {sentence}",
    "cell": "feuille {sheet}, cellule {cell}",
    "row": "cellule {cell}",
}
