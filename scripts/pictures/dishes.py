"""The dishes of the demonstration's menu, each laid out on the table."""

import numpy as np
from table import block, disc, dome, leaf, linear, mix, smooth

WHITE = linear("#e8e3d8")
NAVY = linear("#1b2f66")


def bowl(t, radius=0.93, deep=0.20, colour=WHITE, rim=NAVY):
    """White enamel with a blue rim; what is in it stands at `deep` * 0.62."""
    r = np.hypot(t.x, t.y)
    lip = radius - 0.045
    outer = deep * np.clip(1 - ((r - lip) / (radius - lip)) ** 2, 0, 1) ** 0.5
    wall = deep * smooth(radius * 0.66, lip, r) ** 0.7 * 0.97 + 0.02
    top = np.where(r > lip, outer, wall)
    edge = smooth(lip - 0.012, lip - 0.004, r)[..., None]
    t.put(r < radius, top, mix(colour, rim, edge), 0.75)
    return deep * 0.62


def plate(t, radius=0.95, rim=NAVY, colour=WHITE, well=0.66):
    r = np.hypot(t.x, t.y)
    top = 0.03 + 0.055 * smooth(well, well + 0.10, r) + 0.02 * smooth(well + 0.1, radius, r)
    top = np.where(r > radius - 0.015, top * np.clip((radius - r) / 0.015, 0, 1) ** 0.5, top)
    edge = smooth(radius - 0.040, radius - 0.032, r)[..., None]
    line = (np.exp(-(((r - well - 0.13) / 0.006) ** 2)) * 0.8)[..., None]
    t.put(r < radius, top, mix(mix(colour, rim, line), rim, edge), 0.7)
    return 0.03


def pattern(t, inner, outer, petals=16):
    """The blue cotton-flower ring of Uzbek plates, under the glaze."""
    r, a = np.hypot(t.x, t.y), np.arctan2(t.y, t.x)
    u = (a / (2 * np.pi) * petals) % 1 - 0.5
    v = (r - inner) / (outer - inner) - 0.5
    d = np.hypot(u * 1.9, v * 1.5)
    flower = (np.abs(np.abs(np.sin(np.arctan2(v, u) * 2.5)) * 0.34 + 0.14 - d) < 0.055) | (d < 0.10)
    bands = (np.abs(np.abs(v) - 0.62) < 0.05) | (np.abs(np.abs(v) - 0.78) < 0.02)
    gold = np.abs(np.abs(v) - 0.70) < 0.02
    ring = (r > inner - 0.06) & (r < outer + 0.06)
    t.colour[ring & (flower & (np.abs(v) < 0.5) | bands)] = linear("#1c3f94")
    t.colour[ring & gold] = linear("#c59a3d")


def liquid(t, radius, level, colour, gloss=0.9, ripple=0.0015, soft=0.35):
    r = np.hypot(t.x, t.y)
    top = level + ripple * t.noise(0.25, 1, 11) + 0.010 * smooth(radius - 0.05, radius, r)
    where = (r < radius) & (t.z < level)
    tone = 1 + 0.10 * t.noise(0.3, 1, 12)[..., None] + 0.05 * t.noise(0.03, 1, 13)[..., None]
    t.put(where, top, colour * tone, gloss, soft)


def around(t, n, radius, inner=0.0):
    """Places in a disc, evenly and by chance."""
    for i in range(n):
        a = i * 2.39996 + t.rng.normal(0, 0.35)
        r = inner + (radius - inner) * np.sqrt((i + 0.5) / n) * t.rng.uniform(0.85, 1.08)
        yield r * np.cos(a), r * np.sin(a)


def stick(t, x, y, long, thick, turn, tone, base=None, gloss=0.5, bend=0.25):
    """A cut strip, a little bent."""
    k = t.rng.normal(0, bend)

    def at(u, v):
        w = v + k * long / thick * 0.35 * (u * u - 0.5)
        d = np.abs(u) ** 6 + np.abs(w) ** 4
        return thick * 1.3 * np.clip(1 - d, 0, 1) ** 0.3, d < 1

    t.stamp(x, y, long, thick, turn, at, tone, gloss, 0.45, base=base, sink=0.004, grain=0.12, fine=0.04)


def dill(t, x, y, size=0.10, turn=0.0, lift=0.012):
    z0 = t.height(x, y) + lift

    def needle(sx, sy, a, long, tone):
        t.stamp(sx + 0.5 * long * np.cos(a), sy + 0.5 * long * np.sin(a), 0.55 * long, 0.0042, a, dome(0.006), tone, 0.2, 0.3, base=z0 + t.rng.uniform(0, 0.006), fine=0)

    for stem in (-0.5, 0.0, 0.55):
        lean = turn + stem
        for k in range(9):
            f = k / 8
            sx, sy = x + size * f * np.cos(lean), y + size * f * np.sin(lean)
            needle(sx, sy, lean, size * 0.16, linear("#3c6a24"))
            for side in (-1, 1):
                a = lean + side * t.rng.uniform(0.35, 0.85)
                long = size * (0.40 - 0.22 * f) * t.rng.uniform(0.7, 1.1)
                tone = linear("#3f7a26") * t.rng.uniform(0.7, 1.3)
                needle(sx, sy, a, long, tone)
                for fork in (-0.5, 0.5):
                    needle(sx + 0.5 * long * np.cos(a), sy + 0.5 * long * np.sin(a), a + fork, long * 0.55, tone * 1.1)


def parsley(t, x, y, size=0.07):
    for k in range(5):
        a = t.rng.uniform(0, 6.28)
        green = linear("#2f7a2c") * t.rng.uniform(0.75, 1.3)
        t.stamp(x + 0.5 * size * np.cos(a), y + 0.5 * size * np.sin(a), size * 0.62, size * 0.42, a, leaf(0.014, 0.3, 0.4, 3, a), green, 0.35, 0.45, grain=0.15)


def mint(t, x, y, size=0.13):
    for k, a in enumerate((0.3, 2.3, 4.3, 1.4, 3.6)):
        s = size * (1 if k < 3 else 0.6)
        green = linear("#3a8a35") * t.rng.uniform(0.85, 1.15)
        t.stamp(x + 0.62 * s * np.cos(a), y + 0.62 * s * np.sin(a), s * 0.66, s * 0.38, a, leaf(0.022, 0.22, 0.5, 5, a), green, 0.4, 0.5, sink=-0.004 if k < 3 else -0.016, grain=0.12)


def meat(t, x, y, size, tone="#6d3b20", turn=None):
    a = t.rng.uniform(0, 6.28) if turn is None else turn
    dark, light = linear(tone) * 0.6, linear(tone) * 1.5

    def colour(u, v):
        fibre = 0.5 + 0.5 * np.sin(26 * v + 3 * np.sin(5 * u))
        crust = np.clip(np.hypot(u, v), 0, 1)
        return mix(light, dark, np.clip(0.25 * fibre + 0.6 * crust**2, 0, 1)[..., None])

    t.stamp(x, y, size, size * t.rng.uniform(0.68, 0.85), a, block(size * 0.62, 3.2, 0.12, a), colour, 0.42, 0.1, sink=size * 0.2, grain=0.28, fine=0.14)


def spoon(t, x, y, turn):
    steel = linear("#b9b6ae")
    c, s = np.cos(turn), np.sin(turn)
    for f in np.linspace(0.12, 0.95, 90):
        t.stamp(x + f * c, y + f * s, 0.022 + 0.018 * f**4, 0.022 + 0.018 * f**4, 0, dome(0.020, 0.4), steel, 0.95, 0, base=0.012, grain=0.02, fine=0)

    def hollow(u, v):
        r2 = u * u + v * v
        return 0.045 * (0.25 + 0.75 * r2) * (r2 < 1), r2 < 1

    t.stamp(x - 0.03 * c, y - 0.03 * s, 0.17, 0.115, turn, hollow, steel, 1.0, 0, base=0.006, grain=0.02, fine=0)


def bread(t, x, y, size, turn):
    crust, crumb = linear("#5a3013"), linear("#96683a")

    def colour(u, v):
        d = np.abs(u) ** 3.4 + np.abs(v) ** 3.4
        return mix(crumb, crust, smooth(0.72, 0.9, d)[..., None])

    t.stamp(x, y, size, size * 0.72, turn, block(0.07, 3.4, 0.05, 1.0), colour, 0.05, 0.2, grain=0.30, fine=0.40)


def cloth(t, colour, stripes, side=1):
    """A napkin under the plate's edge."""
    edge = side * t.x - 0.86 + 0.05 * np.sin(2.2 * t.y + 0.6)
    fold = 0.014 * np.sin(5 * t.y + 4 * t.x) + 0.010 * t.noise(0.35, 1, 21)
    weave = 0.0005 * (np.sin(t.x * 640) + np.sin(t.y * 640))
    band = np.isin(np.floor((edge + 0.002) * 40).astype(int), [2, 3, 6])
    base = np.where(band[..., None], linear(stripes), linear(colour)) * (1 + 0.06 * t.noise(0.01, 1, 22))[..., None]
    t.put(edge > 0, 0.055 + fold + weave, base, 0.02, 0.3)


# --- dishes


def borscht(t):
    cloth(t, "#e9e1cf", "#a3341f", 1)
    bread(t, -0.98, 0.62, 0.26, 0.5)
    level = bowl(t)
    r = np.hypot(t.x, t.y)
    red = mix(linear("#560912"), linear("#8c1a16"), np.clip(0.5 + 0.5 * t.noise(0.22, 1, 14) + 0.25 * smooth(0.5, 0.8, r), 0, 1)[..., None])
    liquid(t, 0.84, level, red)
    for x, y in around(t, 10, 0.66, 0.2):
        t.stamp(x, y, 0.085, 0.072, t.rng.uniform(0, 6), block(0.06, 4, 0.08, x), linear("#e3a04a"), 0.5, 0.5, base=level - 0.035, grain=0.14)
    for x, y in around(t, 7, 0.58, 0.25):
        meat(t, x, y, 0.095, "#7a4030")
    sticks = [("#7a0d2e", 120, 0.016, 0.085), ("#b8506a", 70, 0.011, 0.10), ("#d8742a", 54, 0.013, 0.07)]
    for tone, n, thick, long in sticks:
        for x, y in around(t, n, 0.78):
            a = t.rng.uniform(0, 6.28)
            stick(t, x, y, long * t.rng.uniform(0.6, 1.1), thick, a, linear(tone) * t.rng.uniform(0.7, 1.25), level + t.rng.uniform(-0.020, -0.004))
    # Broth runs over what lies deep.
    drowned = (r < 0.84) & (t.z < level + 0.006) & (t.z > level - 0.004)
    t.colour[drowned] = mix(t.colour[drowned], red[drowned], 0.45)
    for _ in range(420):
        x, y = rim_disc(t, 0.82)
        s = 0.003 + 0.012 * t.rng.random() ** 3
        t.stamp(x, y, s, s, 0, dome(0.002, 1), linear("#d2561c"), 1.0, 0.4, base=level + 0.001, grain=0, fine=0)
    cream(t, 0.06, -0.04, 0.27, level)
    for x, y, a in ((0.00, -0.02, 0.6), (0.10, -0.06, 2.6), (-0.38, 0.30, 1.0), (0.46, 0.30, 4.0), (-0.34, -0.42, 5.0), (0.46, -0.36, 2.0), (0.04, 0.54, 0.2), (-0.58, 0.0, 3.0)):
        dill(t, x, y, 0.16, a, 0.012)


def cream(t, x, y, size, level, tone="#efe8d8"):
    def swirl(u, v):
        r, a = np.hypot(u, v), np.arctan2(v, u)
        r = r * (1 + 0.10 * np.sin(2 * a + 1) + 0.05 * np.sin(3 * a))
        h = 0.095 * np.clip(1 - r**2.2, 0, 1) ** 0.6 * (1 + 0.20 * np.sin(2 * a + 10 * r))
        return h, r < 1

    t.stamp(x, y, size, size * 0.84, 0.4, swirl, linear(tone), 0.35, 0.45, base=level - 0.012, grain=0.0, fine=0.0)


def lagman(t):
    cloth(t, "#d8dfe6", "#27458f", -1)
    level = bowl(t, rim=linear("#1c3f94"))
    pattern(t, 0.80, 0.86, 40)
    liquid(t, 0.80, level, linear("#8f3a12"), 0.9)
    for _ in range(84):
        x, y = t.rng.uniform(-0.5, 0.5, 2)
        a, bend = t.rng.uniform(0, 6.28), t.rng.uniform(-4.5, 4.5)
        path, high, edge = [], t.rng.uniform(0.02, 0.085), t.rng.uniform(0.42, 0.74)
        for s in np.linspace(0, 1, 150):
            a += bend * 0.0085
            x, y = x + 0.0088 * np.cos(a), y + 0.0088 * np.sin(a)
            r = np.hypot(x, y)
            if r > edge:
                a += 0.10 * np.sign(np.sin(np.arctan2(y, x) - a + 3.14159) or 1)
            if r > 0.76:
                x, y = x * 0.76 / r, y * 0.76 / r
            path.append((x, y, level - 0.03 + high * np.clip(1.15 - r, 0, 1) + 0.012 * np.sin(9 * s + bend)))
        t.tube(path, 0.023, linear("#d3a052") * t.rng.uniform(0.85, 1.12), 0.45, 0.45)
    for x, y in around(t, 15, 0.46):
        meat(t, x, y, t.rng.uniform(0.07, 0.105), "#6b3419")
    strips = [("#a81f14", 22), ("#d87a1a", 12), ("#4a7a2a", 16)]
    for tone, n in strips:
        for x, y in around(t, n, 0.56):
            a = t.rng.uniform(0, 6.28)
            stick(t, x, y, t.rng.uniform(0.05, 0.09), 0.017, a, linear(tone) * t.rng.uniform(0.7, 1.2), None, 0.45, 0.5)
    for _ in range(80):
        x, y = t.rng.normal(0, 0.34, 2)
        if np.hypot(x, y) < 0.72:
            t.stamp(x, y, 0.017, 0.008, t.rng.uniform(0, 6), leaf(0.006), linear("#3f8a2e") * t.rng.uniform(0.8, 1.3), 0.3, 0.4)
    for x, y in ((0.03, -0.02), (-0.20, 0.18), (0.24, 0.16)):
        parsley(t, x, y, 0.075)


def ring(t, x, y, size, thick, tone, soft=0.6):
    def at(u, v):
        r = np.hypot(u, v * 1.06)
        d = np.abs(r - 0.86) / (thick / size)
        return thick * np.clip(1 - d * d, 0, 1) ** 0.5, d < 1

    t.stamp(x, y, size, size, t.rng.uniform(0, 3), at, linear(tone), 0.55, soft, grain=0.05)


def plov(t):
    cloth(t, "#efe4cd", "#b0431f", 1)
    plate(t, rim=linear("#1c3f94"))
    pattern(t, 0.745, 0.865, 18)
    r = np.hypot(t.x, t.y)
    heap = 0.03 + 0.30 * np.clip(1 - (r / 0.70) ** 2, 0, 1) ** 0.85 + 0.012 * t.noise(0.12, 1, 31)
    t.put(r < 0.69, heap, linear("#b86f14"), 0.3, 0.3)
    for _ in range(12000):
        x, y = rim_disc(t, 0.71)
        a = t.rng.uniform(0, 6.28)
        tone = mix(linear("#d8862a"), linear("#f4cd84"), t.rng.random()) * t.rng.uniform(0.8, 1.1)
        t.stamp(x, y, 0.021, 0.0068, a, dome(0.008), tone, 0.4, 0.5, sink=0.001, grain=0.05, fine=0)
    for _ in range(210):
        x, y = rim_disc(t, 0.64)
        a = t.rng.uniform(0, 6.28)
        stick(t, x, y, t.rng.uniform(0.06, 0.105), 0.0125, a, linear("#e0640c") * t.rng.uniform(0.75, 1.2))
    for _ in range(24):
        x, y = rim_disc(t, 0.60)
        t.stamp(x, y, 0.030, 0.028, 0, dome(0.030), linear("#e2bd74"), 0.35, 0.4, sink=0.012)
    for _ in range(26):
        x, y = rim_disc(t, 0.62)
        t.stamp(x, y, 0.024, 0.015, t.rng.uniform(0, 6), dome(0.012), linear("#3a1416"), 0.5, 0.1, sink=0.003)
    for x, y in list(around(t, 14, 0.42)):
        meat(t, x, y, t.rng.uniform(0.09, 0.125), "#74401f")
    for _ in range(1100):
        x, y = rim_disc(t, 0.5)
        tone = mix(linear("#d8862a"), linear("#f4cd84"), t.rng.random())
        if t.rng.random() < 0.22:
            t.stamp(x, y, 0.021, 0.0068, t.rng.uniform(0, 6.28), dome(0.008), tone, 0.4, 0.5, sink=0.001, grain=0.05, fine=0)
    garlic(t, 0.02, -0.03, 0.15)
    for x, y in ((-0.18, 0.12), (0.20, 0.14), (0.10, -0.24)):
        parsley(t, x, y, 0.06)
    for _ in range(160):
        x, y = rim_disc(t, 0.66)
        t.stamp(x, y, 0.010, 0.0035, t.rng.uniform(0, 6), dome(0.004), linear("#3b2410"), 0.2, 0)


def garlic(t, x, y, size):
    def at(u, v):
        r, a = np.hypot(u, v), np.arctan2(v, u)
        lobes = 1 - 0.09 * np.abs(np.cos(5 * a)) ** 3
        h = size * 0.85 * np.clip(1 - (r / lobes) ** 2.2, 0, 1) ** 0.5 * (1 - 0.07 * np.abs(np.cos(5 * a)) ** 6 * r)
        return h + size * 0.25 * np.exp(-((r / 0.13) ** 2)), r < lobes

    def colour(u, v):
        a = np.arctan2(v, u)
        veins = np.abs(np.sin(20 * a)) ** 8
        return mix(linear("#ecd9b4"), linear("#b98a55"), (0.35 * veins + 0.25 * np.hypot(u, v) ** 3)[..., None])

    t.stamp(x, y, size, size, 0.3, at, colour, 0.35, 0.4, sink=size * 0.25, grain=0.1)


def rim_disc(t, radius):
    a, r = t.rng.uniform(0, 6.28318), radius * np.sqrt(t.rng.random())
    return r * np.cos(a), r * np.sin(a)


def chicken(t):
    cloth(t, "#e6e2d6", "#3c6b45", -1)
    plate(t)

    def thigh(x, y, size, turn):
        gold, dark = linear("#c47426"), linear("#34160a")

        def colour(u, v):
            bars = smooth(0.82, 0.95, np.abs(np.sin(7.5 * (u + 0.25 * v)))) * smooth(0.95, 0.6, np.hypot(u, v))
            blot = np.clip(0.35 + 0.4 * np.sin(5 * u + 3 * v) * np.cos(4 * v), 0, 1)
            base = mix(gold * 1.15, linear("#96501a"), (0.65 * blot + 0.45 * np.hypot(u, v) ** 3)[..., None])
            return mix(base, dark, (0.82 * bars)[..., None])

        def shape(u, v):
            a = np.arctan2(v, u)
            r = np.hypot(u, v) * (1 + 0.11 * np.sin(2 * a + turn) + 0.06 * np.sin(3 * a))
            h = 0.15 * np.clip(1 - r**2.4, 0, 1) ** 0.5 * (1 + 0.07 * np.sin(6 * u) * np.cos(5 * v))
            bars = smooth(0.82, 0.95, np.abs(np.sin(7.5 * (u + 0.25 * v))))
            return h - 0.006 * bars, r < 1

        t.stamp(x, y, size, size * 0.68, turn, shape, colour, 0.62, 0.25, base=0.03, grain=0.22, fine=0.12)

    for i, (x, y) in enumerate([(0.30, 0.40), (0.46, 0.22), (0.52, 0.02), (0.14, 0.50), (0.34, 0.20), (0.47, -0.18), (-0.04, 0.54), (0.40, 0.06), (0.20, 0.34), (0.30, -0.30), (0.16, -0.46)]):
        def wedge(u, v):
            return 0.085 * np.clip(1 - np.abs(v) ** 1.6, 0, 1) * np.clip(1 - u**4, 0, 1) ** 0.5, (np.abs(u) < 1) & (np.abs(v) < np.clip(1 - u * u, 0, 1) ** 0.45)

        def tone(u, v):
            brown = np.clip(np.abs(v) ** 2 + 0.5 * np.abs(u) ** 4 + 0.25 * np.sin(7 * u + i), 0, 1)
            return mix(linear("#eab44e"), linear("#9a5514"), brown[..., None])

        t.stamp(x, y, 0.155, 0.075, t.rng.uniform(0, 3.1), wedge, tone, 0.4, 0.35, sink=0.01, grain=0.16, fine=0.05)
    thigh(-0.14, -0.16, 0.44, 0.35)
    thigh(-0.22, 0.26, 0.40, -0.25)
    for x, y, a in ((-0.42, 0.10, 0.2), (-0.05, 0.05, 1.3), (0.33, 0.36, 3.0)):
        rosemary(t, x, y, a)
    lemon(t, -0.47, -0.34, 0.13)
    for _ in range(70):
        x, y = rim_disc(t, 0.6)
        t.stamp(x, y, 0.012, 0.006, t.rng.uniform(0, 6), leaf(0.004), linear("#3a7a2a") * t.rng.uniform(0.8, 1.3), 0.2, 0.3)
    for _ in range(90):
        x, y = rim_disc(t, 0.62)
        s = t.rng.uniform(0.003, 0.006)
        t.stamp(x, y, s, s, 0, dome(0.004), linear("#241a12") if t.rng.random() < 0.6 else linear("#f5efe2"), 0.3, 0)


def rosemary(t, x, y, turn, size=0.26):
    for f in np.linspace(0, 1, 15):
        sx, sy = x + size * f * np.cos(turn + 0.4 * f), y + size * f * np.sin(turn + 0.4 * f)
        t.stamp(sx, sy, 0.008, 0.008, 0, dome(0.010), linear("#5a4a2a"), 0.2, 0.1, sink=-0.004)
        for side in (-1, 1):
            a = turn + 0.4 * f + side * 0.75
            t.stamp(sx + 0.036 * np.cos(a), sy + 0.036 * np.sin(a), 0.042, 0.0068, a, dome(0.009), linear("#3d6b3a") * t.rng.uniform(0.75, 1.3), 0.3, 0.2, sink=-0.006)


def lemon(t, x, y, size):
    def colour(u, v):
        r, a = np.hypot(u, v), np.arctan2(v, u)
        rib = np.abs(np.sin(4.5 * a)) < 0.10
        flesh = mix(linear("#f4cf3a"), linear("#fbe68a"), (0.5 + 0.5 * np.sin(40 * r + 6 * np.sin(9 * a)))[..., None] * 0.5)
        out = np.where((rib | (r < 0.08))[..., None], linear("#fbf0b8"), flesh)
        return mix(mix(out, linear("#fdf4cc"), smooth(0.80, 0.84, r)[..., None]), linear("#eab415"), smooth(0.91, 0.94, r)[..., None])

    t.stamp(x, y, size, size, 0, disc(0.05, 12), colour, 0.7, 0.6, grain=0.05)


def caesar(t):
    cloth(t, "#e9e1cf", "#3c6b45", 1)
    plate(t, well=0.70)
    for ring_, n, size in ((0.46, 13, 0.30), (0.26, 9, 0.27), (0.08, 5, 0.22)):
        for k in range(n):
            a = k / n * 6.28 + t.rng.normal(0, 0.2)
            x, y = ring_ * np.cos(a), ring_ * np.sin(a)
            pale, deep = linear("#d3dd93"), linear("#628a2f") * t.rng.uniform(0.8, 1.25)

            def colour(u, v, pale=pale, deep=deep):
                rib = np.exp(-((v / 0.14) ** 2)) * smooth(0.9, -0.4, u)
                return mix(deep, pale, np.clip(rib + 0.35 * smooth(0.4, -0.9, u), 0, 1)[..., None])

            t.stamp(x, y, size, size * 0.62, a + t.rng.normal(0, 0.5), leaf(0.055, 0.35, 0.8, 0, a), colour, 0.5, 0.55, sink=0.012, grain=0.10)
    for k, (x, y) in enumerate(around(t, 8, 0.40, 0.1)):
        def slice_(u, v):
            bars = smooth(0.85, 0.95, np.abs(np.sin(4.2 * u + k)))
            sear = smooth(0.55, 1.0, np.abs(v))
            return mix(mix(linear("#f0d3a4"), linear("#b8742f"), sear[..., None]), linear("#63300f"), (0.75 * bars * sear)[..., None])

        t.stamp(x, y, 0.175, 0.062, t.rng.uniform(-0.6, 0.9), block(0.06, 3.4, 0.08, k), slice_, 0.42, 0.35, sink=0.012, grain=0.12, fine=0.08)
    for x, y in around(t, 15, 0.52):
        a = t.rng.uniform(0, 6)
        t.stamp(x, y, 0.058, 0.054, a, block(0.070, 6, 0.03, a), lambda u, v: mix(linear("#e3b264"), linear("#a5682a"), smooth(0.4, 1, np.maximum(np.abs(u), np.abs(v)))[..., None]), 0.12, 0.25, sink=0.01, grain=0.30, fine=0.35)
    for x, y in around(t, 5, 0.46, 0.18):
        egg(t, x, y)
    for x, y in around(t, 26, 0.54):
        a = t.rng.uniform(0, 6)
        t.stamp(x, y, 0.085, 0.030, a, leaf(0.016, 0.5, 0.9, 0, a), linear("#f6e3ac"), 0.3, 0.6, sink=-0.002, grain=0.05)
    for k in range(7):
        y0, x0 = -0.45 + 0.15 * k, -0.5
        path = []
        for s in np.linspace(0, 1, 170):
            x, y = x0 + s, y0 + 0.06 * np.sin(7 * s + k) + 0.1 * s
            if np.hypot(x, y) < 0.6 and np.sin(13 * s + 2 * k) > -0.35:
                path.append((x, y, t.height(x, y) - 0.004))
        t.tube(path, 0.0125, linear("#fbf3dc"), 0.6, 0.7)
    for _ in range(110):
        x, y = rim_disc(t, 0.6)
        s = t.rng.uniform(0.003, 0.007)
        t.stamp(x, y, s, s, 0, dome(0.005), linear("#231a12"), 0.3, 0)


def egg(t, x, y, size=0.10):
    def colour(u, v):
        r = np.hypot(u * 1.0, v * 1.15)
        return mix(linear("#f1a51f"), linear("#fbf7ee"), smooth(0.50, 0.56, r)[..., None])

    def shape(u, v):
        r2 = u * u + v * v
        return 0.055 * np.clip(1 - r2**3, 0, 1) ** 0.4 + 0.010 * np.clip(1 - (r2 / 0.28), 0, 1), r2 < 1

    t.stamp(x, y, size, size * 0.8, t.rng.uniform(0, 6), shape, colour, 0.6, 0.7, sink=0.006, grain=0.02, fine=0)


def achichuk(t):
    cloth(t, "#e6ddc8", "#27458f", -1)
    plate(t, rim=linear("#1c3f94"), well=0.70)
    pattern(t, 0.775, 0.875, 20)

    def tomato(x, y, size, turn):
        def colour(u, v):
            r, a = np.hypot(u, v), np.arctan2(v, u)
            cell = smooth(0.35, 0.75, np.abs(np.sin(2.5 * a))) * smooth(0.22, 0.30, r) * smooth(0.80, 0.74, r)
            flesh = mix(linear("#d63a22"), linear("#ef7a52"), (0.5 + 0.5 * np.cos(10 * a))[..., None] * 0.25)
            gel = linear("#e2571f")
            seed = (np.sin(31 * u + 7 * np.sin(9 * v)) * np.sin(29 * v + 5 * np.sin(8 * u)) > 0.62) & (cell > 0.6)
            out = mix(flesh, gel, cell[..., None])
            out = np.where(seed[..., None], linear("#f3c66a"), out)
            return mix(out, linear("#b41a12"), smooth(0.93, 0.96, r)[..., None])

        def shape(u, v):
            r, a = np.hypot(u, v), np.arctan2(v, u)
            r = r * (1 + 0.03 * np.sin(3 * a + turn))
            cell = smooth(0.35, 0.75, np.abs(np.sin(2.5 * a))) * smooth(0.22, 0.30, r) * smooth(0.80, 0.74, r)
            return 0.036 * np.clip(1 - r**14, 0, 1) ** 0.5 - 0.006 * cell, r < 1

        t.stamp(x, y, size, size, turn, shape, colour, 0.85, 0.5, sink=0.002, grain=0.06)

    for radius, n in ((0.50, 13), (0.30, 8), (0.08, 4), (0.42, 6), (0.16, 4)):
        for k in range(n):
            a = k / n * 6.28 + t.rng.normal(0, 0.2)
            tomato(radius * np.cos(a), radius * np.sin(a), t.rng.uniform(0.155, 0.205), t.rng.uniform(0, 6))
            if t.rng.random() < 0.35:
                b = a + 0.25
                cucumber(t, radius * np.cos(b), radius * np.sin(b), 0.115)
    for x, y in around(t, 30, 0.55):
        ring(t, x, y, t.rng.uniform(0.075, 0.15), 0.012, "#f4e6ee" if t.rng.random() < 0.5 else "#d9a6c4")
    for x, y in around(t, 9, 0.5):
        parsley(t, x, y, 0.065)
    for _ in range(60):
        x, y = rim_disc(t, 0.58)
        t.stamp(x, y, 0.030, 0.030, 0, lambda u, v: (0.012 * (np.abs(np.hypot(u, v) - 0.8) < 0.2), np.abs(np.hypot(u, v) - 0.8) < 0.2), linear("#4f9a35"), 0.4, 0.4)
    for _ in range(120):
        x, y = rim_disc(t, 0.6)
        s = t.rng.uniform(0.003, 0.006)
        t.stamp(x, y, s, s, 0, dome(0.004), linear("#241a12"), 0.3, 0)


def cucumber(t, x, y, size):
    def colour(u, v):
        r, a = np.hypot(u, v), np.arctan2(v, u)
        seed = (np.abs(np.sin(7 * a)) > 0.80) & (np.abs(r - 0.45) < 0.13)
        out = np.where(seed[..., None], linear("#f3f0cf"), mix(linear("#cfe39a"), linear("#a9cf74"), r[..., None] ** 2))
        return mix(out, linear("#2f6a26"), smooth(0.90, 0.94, r)[..., None])

    t.stamp(x, y, size, size, 0, disc(0.03, 14), colour, 0.7, 0.6, grain=0.04)


def syrniki(t):
    cloth(t, "#efe6da", "#a3341f", 1)
    plate(t)
    level = 0.03

    def cake(x, y, size, turn, base):
        def colour(u, v):
            r, a = np.hypot(u, v), np.arctan2(v, u)
            spots = 0.5 + 0.5 * np.sin(7 * u + 3 * np.sin(5 * v + turn)) * np.cos(6 * v + 2 * np.sin(4 * u))
            fried = mix(linear("#d9903a"), linear("#7c3a10"), np.clip(0.25 + 0.55 * spots - 0.15 * r, 0, 1)[..., None])
            return mix(fried, linear("#f6dfae"), smooth(0.86, 0.95, r)[..., None])

        t.stamp(x, y, size, size, turn, disc(0.125, 7, 0.018, turn), colour, 0.28, 0.4, base=base, grain=0.16, fine=0.16)

    cake(-0.28, -0.24, 0.37, 0.4, level)
    cake(0.34, -0.18, 0.36, 2.0, level)
    cake(0.01, 0.27, 0.38, 4.0, level + 0.07)
    sauce = linear("#8e0f2c")

    def pool(u, v):
        a = np.arctan2(v, u)
        r = np.hypot(u, v) * (1.02 + 0.08 * np.sin(3 * a + 0.7) + 0.05 * np.sin(5 * a) + 0.03 * np.sin(8 * a + 1))
        return 0.016 * np.clip(1 - r**3, 0, 1) ** 0.5, r < 1

    for x, y, rx, ry, base in ((0.02, 0.24, 0.30, 0.24, None), (-0.26, -0.24, 0.24, 0.19, None), (0.34, -0.16, 0.22, 0.19, None), (0.46, 0.36, 0.17, 0.13, level), (-0.50, 0.18, 0.15, 0.17, level), (0.04, -0.57, 0.19, 0.07, level)):
        t.stamp(x, y, rx, ry, x * 3, pool, sauce, 1.0, 0.55, base=base, grain=0.08, fine=0)
    berries(t, [(0.00, 0.20), (0.13, 0.32), (-0.12, 0.31), (-0.30, -0.26), (-0.17, -0.17), (0.32, -0.10), (0.42, -0.22), (0.44, 0.38), (0.55, 0.31), (-0.51, 0.12), (0.08, -0.57), (-0.48, 0.25), (0.03, 0.36), (0.24, -0.24), (-0.34, -0.14)], 1.3)
    cream(t, -0.42, 0.46, 0.14, level + 0.01)
    mint(t, 0.06, 0.08, 0.15)
    for _ in range(900):
        x, y = rim_disc(t, 0.62)
        s = t.rng.uniform(0.0025, 0.0055)
        t.stamp(x, y, s, s, 0, dome(0.003), linear("#fffaf2"), 0.1, 0.5)


def berries(t, places, scale=1.0):
    for k, (x, y) in enumerate(places):
        if k % 3 == 0:
            for i in range(19):
                a, r = i * 2.4, scale * 0.062 * np.sqrt(i / 19)
                t.stamp(x + r * np.cos(a), y + r * np.sin(a), scale * 0.0185, scale * 0.0185, 0, dome(scale * 0.024), linear("#c3203f") * t.rng.uniform(0.85, 1.15), 0.5, 0.6, sink=0.004 + 0.25 * r)
        elif k % 3 == 1:
            def blue(u, v):
                r = np.hypot(u - 0.1, v + 0.1)
                return mix(mix(linear("#39487f"), linear("#202a55"), np.clip(np.hypot(u, v), 0, 1)[..., None]), linear("#141a38"), smooth(0.34, 0.22, r)[..., None])

            t.stamp(x, y, scale * 0.058, scale * 0.058, 0, dome(scale * 0.075), blue, 0.35, 0.15, sink=0.012, grain=0.10)
        else:
            t.stamp(x, y, scale * 0.046, scale * 0.046, 0, dome(scale * 0.062), linear("#b3121e"), 1.0, 0.6, sink=0.010, grain=0.03, fine=0)
            t.stamp(x, y, 0.008, 0.008, 0, dome(0.008), linear("#3a1d10"), 0.2, 0)


def pane(t, x, y, size, turn, strength, where):
    """The window, mirrored in a calm surface."""
    c, s = np.cos(turn), np.sin(turn)
    u, v = ((t.x - x) * c + (t.y - y) * s) / size, ((t.y - y) * c - (t.x - x) * s) / size
    u = u + 0.06 * t.noise(0.25, 1, 11)
    bright = smooth(1.0, 0.86, np.abs(u)) * smooth(0.72, 0.58, np.abs(v)) * smooth(0.03, 0.07, np.abs(u)) * smooth(0.03, 0.06, np.abs(v))
    bright = (bright * strength * (0.6 + 0.4 * smooth(1, -1, u + v)))[..., None] * where[..., None]
    t.colour[:] = mix(t.colour, linear("#fffdf4"), bright)


def mors(t):
    cloth(t, "#e9e1cf", "#8e1b2c", 1)
    berries(t, [(-0.92, 0.62), (-0.84, 0.70), (-0.98, 0.72), (-0.92, -0.66), (-0.99, -0.56)])
    r = np.hypot(t.x, t.y)
    rim = 0.34 * np.clip(1 - ((r - 0.725) / 0.022) ** 2, 0, 1) ** 0.5
    t.put((r > 0.703) & (r < 0.747), rim, linear("#e9d9d6"), 1.0, 0.6)
    t.put(r < 0.74, np.full_like(r, 0.10), linear("#7d1226"), 0.9, 0.5)
    level = 0.24
    deep = mix(linear("#a50d28"), linear("#5a0416"), np.clip(smooth(0.1, 0.70, r) + 0.25 * t.noise(0.3, 1, 15), 0, 1)[..., None])
    liquid(t, 0.705, level, deep, 1.0, 0.002, 0.6)
    surface = t.z < level + 0.02
    pane(t, -0.30, -0.34, 0.24, 0.6, 0.16, (r < 0.66) & surface)
    for x, y, s, a in ((-0.26, -0.12, 0.20, 0.3), (0.22, -0.28, 0.19, 1.0), (0.12, 0.22, 0.22, 0.6), (-0.28, 0.32, 0.18, 1.3), (0.46, 0.06, 0.16, 0.2)):
        def ice(u, v):
            d = np.maximum(np.abs(u), np.abs(v))
            frost = 0.5 + 0.5 * np.sin(3 * u + 2 * v + 2 * np.sin(4 * u))
            inner = mix(linear("#b3243f"), linear("#e58a98"), (0.35 * frost + 0.45 * np.exp(-((np.hypot(u - 0.2, v + 0.1) / 0.4) ** 2)))[..., None])
            edge = smooth(0.60, 0.76, d) * smooth(1.0, 0.80, d)
            return mix(inner, linear("#fbeef0"), (0.42 * edge + 0.12 * smooth(0.8, 1, d))[..., None])

        def shape(u, v):
            d = np.abs(u) ** 6 + np.abs(v) ** 6
            well = 0.010 * np.exp(-((np.hypot(u, v) / 0.5) ** 2))
            return 0.06 * np.clip(1 - d, 0, 1) ** 0.22 - well, d < 1

        t.stamp(x, y, s, s * 0.95, a, shape, ice, 1.0, 0.5, base=level - 0.016, grain=0.04, fine=0)
    berries(t, [(-0.05, -0.02), (0.36, 0.38), (-0.52, 0.06), (-0.06, 0.52), (0.00, -0.48), (0.50, -0.20), (-0.10, 0.10), (0.28, 0.44), (-0.40, -0.42), (0.02, -0.38), (-0.50, 0.18)], 1.25)
    mint(t, 0.02, 0.04, 0.19)
    for _ in range(90):
        x, y = rim_disc(t, 0.68)
        s = t.rng.uniform(0.004, 0.011)
        t.stamp(x, y, s, s, 0, dome(0.006), linear("#c9395c"), 1.0, 0.5, base=level, grain=0, fine=0)


def tea(t):
    cloth(t, "#e6ddc8", "#27458f", -1)
    r, a = np.hypot(t.x, t.y), np.arctan2(t.y, t.x)
    plate(t, 0.95, linear("#1c3f94"), WHITE, 0.62)
    pattern(t, 0.755, 0.865, 18)
    deep, radius = 0.34, 0.64
    lip = radius - 0.022
    outer = 0.06 + deep * np.clip(1 - ((r - lip) / (radius - lip)) ** 2, 0, 1) ** 0.5
    wall = 0.09 + (deep - 0.05) * smooth(0.30, lip, r) ** 0.9
    edge = smooth(lip - 0.010, lip - 0.004, r)[..., None]
    t.put(r < radius, np.where(r > lip, outer, wall), mix(WHITE, linear("#1c3f94"), edge), 0.85)
    band = (r - 0.575) / 0.045
    zig = np.abs(((a / 6.28318 * 40) % 1) - 0.5) * 2
    inside = (band > 0) & (band < 1)
    t.colour[inside & (np.abs(zig - band) < 0.2)] = linear("#1c3f94")
    t.colour[(np.abs(band + 0.12) < 0.07) | (np.abs(band - 1.08) < 0.06)] = linear("#c59a3d")
    level = 0.285
    # Where the bowl is shallow, its white comes through.
    depth = smooth(0.56, 0.16, r + 0.02 * t.noise(0.2, 1, 16))[..., None]
    liquid(t, 0.57, level, mix(linear("#dcc873"), linear("#8f7a20"), depth), 1.0, 0.0012, 0.35)
    pane(t, -0.16, -0.20, 0.24, 0.62, 0.55, r < 0.53)
    for x, y, turn, size in ((0.14, 0.12, 0.6, 0.13), (0.24, -0.14, 2.2, 0.11), (-0.10, 0.26, 4.0, 0.12), (0.06, 0.30, 5.2, 0.09)):
        green = linear("#5c7a22") * t.rng.uniform(0.8, 1.2)
        t.stamp(x, y, size, size * 0.36, turn, leaf(0.022, 0.4, 0.8, 0, turn), green, 0.8, 0.4, base=level - 0.004, grain=0.12)
    for _ in range(60):
        b, q = t.rng.uniform(0, 6.28), t.rng.uniform(0.46, 0.545)
        s = t.rng.uniform(0.004, 0.012)
        t.stamp(q * np.cos(b), q * np.sin(b), s, s, 0, dome(0.006), linear("#ead9a0"), 1.0, 0.6, base=level + 0.006, grain=0, fine=0)
    for x, y in ((0.88, 0.62), (0.97, 0.56)):
        t.stamp(x, y, 0.075, 0.068, t.rng.uniform(0, 3), block(0.10, 6, 0.02, x), linear("#f6f1e6"), 0.15, 0.6, grain=0.06, fine=0.25)
    for _ in range(110):
        x, y, b = 0.94 + t.rng.normal(0, 0.05), -0.66 + t.rng.normal(0, 0.06), t.rng.uniform(0, 6)
        t.stamp(x, y, 0.030, 0.009, b, leaf(0.012, 0.4, 0.8, 0, b), linear("#3d4a22") * t.rng.uniform(0.6, 1.5), 0.15, 0.1)


ALL = {
    "borscht": borscht,
    "lagman": lagman,
    "plov": plov,
    "chicken-grill": chicken,
    "caesar": caesar,
    "achichuk": achichuk,
    "syrniki": syrniki,
    "mors": mors,
    "green-tea": tea,
}
