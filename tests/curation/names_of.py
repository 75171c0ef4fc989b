"""Words that the generator builds from: names in two scripts as people spell them, and what the letters stand for.

Nothing here comes from the code that is measured. The long names are those that the organizations use themselves.
"""

LONG = {
    "WVI": "World Vision International",
    "UNHCR": "United Nations High Commissioner for Refugees",
    "IOCC": "International Orthodox Christian Charities",
    "MC": "Mercy Corps",
    "SCI": "Save the Children International",
    "AVSI": "Association of Volunteers in International Service",
    "ICMC": "International Catholic Migration Commission",
    "IRC": "International Rescue Committee",
    "ACF": "Action Contre la Faim",
    "PU-AMI": "Première Urgence Aide Médicale Internationale",
    "UPP": "Un Ponte Per",
    "ACTED": "Agency for Technical Cooperation and Development",
    "IRD": "International Relief and Development",
    "HI": "Handicap International",
    "WFP": "World Food Programme",
    "LWF": "Lutheran World Federation",
    "TDHL": "Terre des Hommes Lausanne",
    "IMC": "International Medical Corps",
    "JHAS": "Jordan Health Aid Society",
    "JEN": "Japan Emergency NGO",
    "DRC": "Danish Refugee Council",
    "NEF": "Near East Foundation",
    "JRS": "Jesuit Refugee Service",
    "GRC": "German Red Cross",
    "JWU": "Jordanian Women Union",
    "MDM": "Médecins du Monde",
    "NRC": "Norwegian Refugee Council",
    "NHF": "Noor Al Hussein Foundation",
}

PROPER = [
    ("النور", "Al Noor", "Al Nour", "Annour"),
    ("الأمل", "Al Amal", "El Amal", "Al-Amal"),
    ("الكرامة", "Al Karama", "Al Karamah", "El Karama"),
    ("التكافل", "Takaful", "Al Takaful", "At-Takaful"),
    ("السلام", "Al Salam", "As-Salam", "Al Salaam"),
    ("الإحسان", "Al Ihsan", "Al Ehsan", "El Ihsan"),
    ("الرحمة", "Al Rahma", "Ar-Rahmah", "Al Rahmah"),
    ("الوفاء", "Al Wafa", "Al Wafaa", "El Wafa"),
    ("البركة", "Al Baraka", "Al Barakah", "El Baraka"),
    ("الفرح", "Al Farah", "El Farah", "Alfarah"),
    ("الهدى", "Al Huda", "Al Hoda", "El Houda"),
    ("المستقبل", "Al Mustaqbal", "Al Mostakbal", "El Moustakbal"),
    ("الياسمين", "Al Yasmin", "Yasmeen", "Al Yasmine"),
    ("الزهراء", "Al Zahra", "Az-Zahraa", "Al Zahraa"),
    ("التضامن", "Al Tadamon", "At-Tadamun", "Al Tadamoun"),
    ("الشروق", "Al Shorouq", "Ash-Shuruq", "Al Shrouk"),
    ("الفجر", "Al Fajr", "El Fajr", "Al-Fajr"),
    ("الحياة", "Al Hayat", "El Hayat", "Al Hayah"),
    ("المودة", "Al Mawadda", "Al Mawaddah", "El Mawada"),
    ("البيان", "Al Bayan", "El Bayan", "Al-Bayan"),
    ("الريان", "Al Rayyan", "Ar-Rayan", "Al Rayan"),
    ("العطاء", "Al Ataa", "Al Ata", "El Ataa"),
    ("الإيمان", "Al Iman", "Al Eman", "El Imane"),
    ("الصداقة", "Al Sadaqa", "As-Sadaka", "Al Sadaqah"),
    ("الجذور", "Al Juthoor", "Al Judhur", "Al Jozour"),
    ("ينابيع", "Yanabee", "Yanabi", "Yanabie"),
    ("سنابل", "Sanabel", "Sanabil", "Sanabell"),
    ("مرام", "Maram", "Marram", "Maraam"),
    ("قدرات", "Qudurat", "Qodorat", "Kudurat"),
    ("رواد", "Ruwwad", "Rowwad", "Ruwad"),
]
"""Arabic, then the Latin spellings that are met."""

FOCUS = [
    ("للتنمية", "for Development"),
    ("للمرأة", "for Women"),
    ("للأطفال", "for Children"),
    ("للصحة", "for Health"),
    ("للتعليم", "for Education"),
    ("للشباب", "for Youth"),
]

LEGAL_LATIN = [
    "{} Association", "{} Society", "{} Foundation", "The {} Organization", "Association {}", "Fondation {}",
    "Stichting {}", "Vereniging {}", "{} vzw", "Asociación {}", "Fundación {}", "Foreningen {}", "{} Derneği",
    "{} Vakfı", "Jam'iyat {}", "Jamiat {}", "{} (NGO)", "{} ASBL",
]  # fmt: skip
LEGAL_ARABIC = ["جمعية {}", "مؤسسة {}", "منظمة {}", "جمعية {} الخيرية", "تعاونية {}"]

STREETS = [
    "King Hussein Street", "Prince Hassan Street", "University Street", "Al Hashimi Street", "Palestine Street",
    "Baghdad Street", "Al Madina Street", "Station Road", "Cinema Street", "Petra Street", "Hospital Street",
    "Municipality Street", "Old Market Street", "Al Quds Street", "Rainbow Street", "Army Street",
]  # fmt: skip
