"""Hallazgos y criterios en español."""

FINDINGS = {
    "missing": "Falta «{expected}». Añádalo.",
    "missing_one": "Falta uno de estos: {expected}. Añada uno.",
    "like": "Escríbalo así: {expected}. Pone: {came}.",
    "whole": "Escriba un número entero. Pone: {came}.",
    "yes_no": "Escriba true o false. Pone: {came}.",
    "choice": "Elija uno de estos: {expected}. Pone: {came}.",
    "too_long": "Caben {expected} caracteres como mucho; hay {came}. Acórtelo.",
    "too_many": "Caben {expected} como mucho; hay {came}. Quite algunos.",
    "too_few": "Hacen falta al menos {expected}; hay {came}.",
    "too_high": "Como mucho puede ser {expected}; pone {came}.",
    "too_low": "Hace falta al menos {expected}; pone {came}.",
    "twice": "Lo mismo está aquí dos veces. Quite uno.",
    "blank": "Aquí no hay palabras. Escríbalas o quite el campo.",
    "words": "Diga en qué lengua están estas palabras y quién las escribió.",
    "nobody": "Esto dice quién es una persona. Quítelo y nombre la función.",
    "hidden_place": "Este lugar está oculto: el público no debe ver dirección ni punto. Quítelo.",
    "area_place": "Este lugar se muestra como zona: el público no debe ver la calle ni el punto exacto. Quítelos.",
    "contact_in_text": "En este texto hay una dirección de correo o un teléfono. Quítelo.",
    "reference": "Esto no lleva a ninguna ficha. Elíjala de nuevo. Pone: {came}.",
    "code": "Use solo letras latinas, cifras y signos como - y _. Pone: {came}.",
    "kind_unknown": "Este tipo de ficha no se conoce: {came}.",
    "form": "Esto no tiene la forma que corresponde: {expected}. Pone: {came}.",
    "unsignable": "Esto no se puede firmar: se esperaba {expected}; pone: {came}.",
    "person.mail": "«{came}» parece el correo de una persona. Todos pueden leerlo, y las copias quedan cuando esa"
    " persona se va. Use una dirección de la función, como info@.",
    "person.phone": "{came} es un número móvil, quizá de una persona. Todos pueden leerlo y llamar de noche. Use"
    " un número de la organización o pregunte a esa persona.",
    "person.name": "«{came}» parece el nombre de una persona. Todos pueden leerlo y los buscadores lo guardan."
    " Nombre la función.",
    "person.text": "«{came}» en este texto parece llevar a una sola persona. Todos pueden leerlo. Póngalo en los"
    " contactos, bajo una función.",
    "place.shelter": "Parece un lugar donde la gente se esconde ({came}), y todos pueden ver exactamente dónde"
    " está. También quien los busca. Elija «oculto» o «zona».",
    "place.text": "Este lugar está oculto, pero el texto parece decir dónde está: «{came}». Quítelo.",
}
CRITERIA = {
    "structure": ("La estructura es correcta", "Primero hay que corregir algo."),
    "fresh": ("Confirmado en los últimos seis meses", "Confirme que sigue siendo correcto."),
    "review": ("No ha pasado su día de revisión", "Mire si sigue siendo correcto y fije otro día."),
    "over": ("No ha terminado mientras se llama activo", "Su último día ha pasado. Termínelo o cambie el día."),
    "checked": (
        "Alguien lo comprobó en la realidad",
        "Pida que alguien lo compruebe con una llamada, un correo o una visita.",
    ),
    "numbers": ("Sus números de registro se comprobaron", "Busque el número en el registro y dígalo."),
    "persons": ("No dice nada de personas", "Mire lo que parece hablar de una persona o de un lugar oculto."),
    "letters": ("Las letras son lo que parecen", "Una palabra del nombre mezcla letras de dos alfabetos."),
    "described": ("Dice en pocas frases qué es", "Escriba dos o tres frases."),
    "reachable": ("Se puede contactar", "Añada un correo, un teléfono o una página de la organización."),
    "opening": ("Dice cuándo", "Añada horario o días."),
    "where": ("Dice dónde", "Añada el lugar o la zona donde trabaja."),
    "whom": ("Dice para quién", "Diga para quién es."),
    "languages": (
        "Tiene su nombre en dos lenguas",
        "Añada el nombre en otra lengua. Las palabras de una máquina no cuentan.",
    ),
    "terms": ("Dice de qué trata", "Elija uno o más temas."),
}
SHARED = {
    "must fix": "Hay que corregir",
    "could be better": "Se puede mejorar",
    "accuracy": "¿Es correcto?",
    "usefulness": "¿Ayuda?",
    "met": "Cumple",
    "not met": "No cumple",
    "not applicable": "No procede",
    "found": "Encontrado: {came}",
    "not asked": "Este tipo de ficha no lo dice, o lo oculta a propósito.",
    "title": "{title}: {sentence}",
    "cell": "hoja {sheet}, celda {cell}",
    "row": "celda {cell}",
}
