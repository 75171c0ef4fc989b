"""Bevindingen en criteria in het Nederlands."""

FINDINGS = {
    "missing": "“{expected}” ontbreekt. Vul het aan.",
    "missing_one": "Een van deze ontbreekt: {expected}. Vul er een aan.",
    "like": "Schrijf het zo: {expected}. Er staat: {came}.",
    "whole": "Schrijf een heel getal. Er staat: {came}.",
    "yes_no": "Schrijf true of false. Er staat: {came}.",
    "choice": "Kies een van deze: {expected}. Er staat: {came}.",
    "too_long": "Hier passen hoogstens {expected} tekens; het zijn er {came}. Maak het korter.",
    "too_many": "Hier passen er hoogstens {expected}; het zijn er {came}. Haal er een paar weg.",
    "too_few": "Hier horen er minstens {expected}; het zijn er {came}.",
    "too_high": "Hoogstens {expected} is mogelijk; er staat {came}.",
    "too_low": "Minstens {expected} is nodig; er staat {came}.",
    "twice": "Hetzelfde staat hier twee keer. Haal er een weg.",
    "blank": "Hier staan geen woorden. Schrijf ze, of haal het veld weg.",
    "words": "Zeg in welke taal deze woorden zijn en wie ze schreef.",
    "nobody": "Hieraan is te zien wie iemand is. Haal het weg en noem de rol.",
    "hidden_place": "Deze plek is verborgen; het publiek mag geen adres of punt zien. Haal het weg.",
    "area_place": "Van deze plek is alleen het gebied te zien; straat en exact punt mogen er niet staan. Haal ze weg.",
    "contact_in_text": "In deze tekst staat een mailadres of telefoonnummer. Haal het weg.",
    "reference": "Dit leidt naar geen enkel gegeven. Kies het opnieuw. Er staat: {came}.",
    "code": "Gebruik alleen Latijnse letters, cijfers en tekens zoals - en _. Er staat: {came}.",
    "kind_unknown": "Deze soort is niet bekend: {came}.",
    "form": "Dit heeft niet de vorm die hier hoort: {expected}. Er staat: {came}.",
    "unsignable": "Dit kan niet worden ondertekend: verwacht {expected}; er staat: {came}.",
    "person.mail": "“{came}” lijkt het mailadres van een persoon. Iedereen kan het lezen, en kopieën blijven als"
    " die persoon weggaat. Gebruik een adres van de rol, zoals info@.",
    "person.phone": "{came} is een mobiel nummer, misschien van iemand zelf. Iedereen kan het lezen en 's nachts"
    " bellen. Gebruik een nummer van de organisatie, of vraag het die persoon.",
    "person.name": "“{came}” lijkt de naam van een persoon. Iedereen kan die lezen en zoekmachines bewaren hem."
    " Noem de rol.",
    "person.text": "“{came}” in deze tekst lijkt bij één persoon uit te komen. Iedereen kan het lezen. Zet het"
    " bij de contacten, onder een rol.",
    "place.shelter": "Dit lijkt een plek waar mensen zich verbergen ({came}), en iedereen kan precies zien waar"
    " die is. Wie hen zoekt ook. Kies “verborgen” of “gebied”.",
    "place.text": "Deze plek is verborgen, maar de tekst lijkt te zeggen waar die is: “{came}”. Haal het weg.",
}
CRITERIA = {
    "structure": ("De opbouw klopt", "Eerst moet er iets worden hersteld."),
    "fresh": ("Bevestigd in de laatste zes maanden", "Bevestig dat het nog klopt."),
    "review": ("Niet voorbij de dag van nakijken", "Kijk of het nog klopt en kies een nieuwe dag."),
    "over": ("Niet voorbij terwijl het actief heet", "De laatste dag is voorbij. Beëindig het, of verander de dag."),
    "checked": ("Iemand keek of het klopt", "Laat iemand het nagaan met een telefoontje, een mail of een bezoek."),
    "numbers": ("De registernummers zijn opgezocht", "Zoek het nummer op in het register en zeg dat."),
    "persons": ("Vertelt niets over personen", "Kijk naar wat over een persoon of verborgen plek lijkt te gaan."),
    "letters": (
        "De letters zijn wat ze lijken",
        "In een woord van de naam staan letters van twee alfabetten door elkaar.",
    ),
    "described": ("Zegt in een paar zinnen wat het is", "Schrijf er twee of drie zinnen over."),
    "reachable": ("Is te bereiken", "Geef een mailadres, telefoonnummer of webpagina van de organisatie."),
    "opening": ("Zegt wanneer", "Geef openingstijden of dagen."),
    "where": ("Zegt waar", "Geef de plek, of het gebied waar het werkt."),
    "whom": ("Zegt voor wie", "Zeg voor wie het is."),
    "languages": (
        "Heeft zijn naam in twee talen",
        "Geef de naam in een tweede taal. Woorden van een machine tellen niet.",
    ),
    "terms": ("Zegt waar het over gaat", "Kies een of meer onderwerpen."),
}
SHARED = {
    "must fix": "Moet worden hersteld",
    "could be better": "Kan beter",
    "accuracy": "Klopt het?",
    "usefulness": "Helpt het?",
    "met": "Voldoet",
    "not met": "Voldoet niet",
    "not applicable": "Niet van toepassing",
    "found": "Gevonden: {came}",
    "not asked": "Deze soort zegt dit niet, of houdt het met opzet verborgen.",
    "title": "{title}: {sentence}",
    "cell": "blad {sheet}, cel {cell}",
    "row": "cel {cell}",
}
