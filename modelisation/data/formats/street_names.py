"""Names that data sets and tools give to what streets show -> the class of `cityscapes19` (or of `street8`) that
it is.

Only what is beyond doubt: a name that is not here is asked for, never guessed.
"""

_OF_CLASS = {
    "road": "roadway, street, carriageway, asphalt, crosswalk, lane marking",
    "sidewalk": "pavement, footpath, walkway, footway",
    "building": "house, skyscraper, buildings",
    "wall": "",
    "fence": "",
    "pole": "column pole, polegroup, utility pole",
    "traffic light": "trafficlight, traffic signal",
    "traffic sign": "trafficsign, traffic sign (front), sign symbol, signsymbol, traffic-sign",
    "vegetation": "tree, trees, bush, hedge",
    "terrain": "grass, lawn",
    "sky": "",
    "person": "pedestrian, people, child",
    "rider": "bicyclist, cyclist, motorcyclist, other rider",
    "car": "cars, automobile, suvpickuptruck, van",
    "truck": "lorry",
    "bus": "coach",
    "train": "tram, on rails",
    "motorcycle": "motorbike, motorcyclescooter, scooter",
    "bicycle": "bike, cycle",
}
KNOWN = {name.strip(): of for of, names in _OF_CLASS.items() for name in (of, *names.split(",")) if name.strip()}
# Vehicles that are none of the nineteen classes.
KNOWN_IN_STREET8 = dict.fromkeys(
    ("autorickshaw", "caravan", "trailer", "vehicle fallback", "other vehicle"), "vehicle"
)
