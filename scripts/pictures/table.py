"""A table seen from above: a height, a colour and a gloss for every point, shapes that pile up on it, and one window's
light over all. Nothing but numbers: the same picture from the same seed."""

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom

# Half of the picture. A plate has a radius of almost 1, so its edge is cut: the food is what matters.
HIGH = 0.80
WIDE = HIGH * 4 / 3


def linear(colour):
    """`#rrggbb` as light."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], np.float32) / 255
    return rgb**2.2


def smooth(low, high, x):
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a, b, t):
    return a + (b - a) * t


class Table:
    def __init__(self, seed, unit=1200):
        self.unit = unit
        self.rng = np.random.default_rng(seed)
        self.h, self.w = 2 * round(HIGH * unit), 2 * round(WIDE * unit)
        y, x = np.mgrid[0 : self.h, 0 : self.w].astype(np.float32)
        self.x, self.y = (x + 0.5) / unit - WIDE, (y + 0.5) / unit - HIGH
        self.z = np.zeros((self.h, self.w), np.float32)
        self.colour = np.zeros((self.h, self.w, 3), np.float32)
        self.gloss = np.full((self.h, self.w), 0.05, np.float32)
        self.soft = np.zeros((self.h, self.w), np.float32)  # light that goes in and comes out elsewhere
        self.noises = {}
        self.wood()

    def noise(self, scale, stretch=1.0, seed=0):
        """Cloudy numbers around 0; `scale` is the size of a cloud."""
        key = (scale, stretch, seed)
        if key not in self.noises:
            rng = np.random.default_rng(hash((round(scale * 1e4), round(stretch * 100), seed)) & 0xFFFFFFFF)
            total, size, weight = np.zeros((self.h, self.w), np.float32), scale, 1.0
            for _ in range(4):
                if size * self.unit < 14:
                    cloud = gaussian_filter(rng.standard_normal((self.h, self.w)).astype(np.float32), max(size * self.unit * 0.35, 0.5))
                    total += weight * cloud / max(float(cloud.std()), 1e-6) * 0.7
                    break
                rows = max(3, int(2 * HIGH / size) + 3)
                cols = max(3, int(2 * WIDE / (size * stretch)) + 3)
                grid = rng.standard_normal((rows, cols)).astype(np.float32)
                big = zoom(grid, (self.h / (rows - 1) + 1, self.w / (cols - 1) + 1), order=3)
                total += weight * big[: self.h, : self.w]
                size, weight = size / 2.1, weight * 0.5
            self.noises[key] = total / 1.33
        return self.noises[key]

    def wood(self):
        grain = self.noise(0.05, 18, 1) * 0.6 + self.noise(0.012, 40, 2) * 0.5
        plank = np.floor((self.y + 1) / 0.5)
        shade = np.array([0.0, 0.10, -0.07, 0.05, -0.03])[plank.astype(int) % 5]
        tone = np.clip(0.5 + 0.20 * grain + shade, 0, 1)[..., None]
        self.colour[:] = mix(linear("#4a2a17"), linear("#8d5a34"), tone)
        gap = np.abs((self.y + 1) / 0.5 - np.round((self.y + 1) / 0.5)) * 0.5
        line = smooth(0.006, 0.0, gap)
        self.colour *= (1 - 0.75 * line)[..., None]
        self.z += 0.002 * grain - 0.01 * line
        self.gloss[:] = 0.10

    # --- what lies on it

    def height(self, x, y):
        row, col = int((y + HIGH) * self.unit), int((x + WIDE) * self.unit)
        return float(self.z[min(max(row, 0), self.h - 1), min(max(col, 0), self.w - 1)])

    def put(self, where, top, colour, gloss=0.2, soft=0.0):
        """Whole-table shape: its height where it is."""
        win = where & (top > self.z)
        self.z[win] = np.broadcast_to(top, self.z.shape)[win]
        self.colour[win] = np.broadcast_to(colour, self.colour.shape)[win]
        self.gloss[win] = np.broadcast_to(gloss, self.z.shape)[win]
        self.soft[win] = np.broadcast_to(soft, self.z.shape)[win]

    def stamp(self, cx, cy, rx, ry, turn, profile, colour, gloss=0.2, soft=0.0, base=None, sink=0.0, grain=0.1, fine=0.03):
        """One thing: `profile(u, v)` gives its height and where it is, in its own coordinates. It lies on what is there."""
        reach = 1.45 * max(rx, ry)
        x0, x1 = (int((v + WIDE) * self.unit) for v in (cx - reach, cx + reach))
        y0, y1 = (int((v + HIGH) * self.unit) for v in (cy - reach, cy + reach))
        x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, self.w), min(y1, self.h)
        if x1 - x0 < 2 or y1 - y0 < 2:
            return
        at = np.s_[y0:y1, x0:x1]
        dx, dy = self.x[at] - cx, self.y[at] - cy
        c, s = np.cos(turn), np.sin(turn)
        u, v = (dx * c + dy * s) / rx, (dy * c - dx * s) / ry
        height, inside = profile(u, v)
        if not inside.any():
            return
        under = self.z[at]
        if base is None:
            base = float(np.quantile(under[inside], 0.6)) - sink
        top = base + height
        win = inside & (top > under)
        if not win.any():
            return
        shade = colour(u, v) if callable(colour) else np.broadcast_to(colour, u.shape + (3,))
        rough = 1 + grain * self.noise(0.03, 1, 5)[at] + fine * self.noise(0.006, 1, 6)[at]
        self.z[at][win] = (top + fine * 0.012 * self.noise(0.006, 1, 7)[at])[win]
        self.colour[at][win] = (shade * rough[..., None])[win]
        self.gloss[at][win] = np.broadcast_to(gloss, u.shape)[win]
        self.soft[at][win] = soft

    def tube(self, path, radius, colour, gloss=0.35, soft=0.3, lift=0.0, flat=0.8):
        """A strand along `path`, points (x, y, z)."""
        path = np.array(path, np.float64)
        if len(path) < 2:
            return
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(path[:, :2], axis=0).T))])
        # Close enough that the strand is smooth; strands that are cut by a gap keep their gap.
        dense = np.arange(0, along[-1], radius * 0.16)
        gap = np.interp(dense, along[:-1], np.diff(along)) > radius * 3
        for x, y, z in zip(*(np.interp(dense[~gap], along, path[:, k]) for k in range(3))):
            self.stamp(x, y, radius, radius, 0, dome(radius * flat), colour, gloss, soft, base=z + lift, grain=0.06, fine=0.01)

    # --- light

    def picture(self, wide=1280, window=(-0.62, -0.55), warm=1.0):
        z = self.z * self.unit
        small = self.half(z)
        towards = np.array(window) / np.hypot(*window)
        light = np.zeros_like(small)
        spread = [(-0.35, 36), (-0.18, 44), (0, 30), (0, 50), (0.18, 38), (0.35, 46)]
        for turn, rise in spread:
            c, s = np.cos(turn), np.sin(turn)
            dx, dy = towards[0] * c - towards[1] * s, towards[0] * s + towards[1] * c
            light += self.lit(small, dx, dy, np.tan(np.radians(rise)))
        light = self.full(gaussian_filter(light / len(spread), 1.2))
        near = np.ones_like(small)
        for sigma, depth in ((3, 5.0), (9, 9.0), (28, 24.0), (70, 60.0)):
            near *= np.exp(-np.maximum(gaussian_filter(small, sigma) - small, 0) / depth)
        near = self.full(near)
        fine = gaussian_filter(z, 0.8)
        gy, gx = np.gradient(fine)
        n = np.dstack([-gx, -gy, np.ones_like(gx)])
        n /= np.linalg.norm(n, axis=2, keepdims=True)
        key = np.array([towards[0] * 0.72, towards[1] * 0.72, 0.70], np.float32)
        key /= np.linalg.norm(key)
        face = np.clip(n @ key, 0, 1) * light
        wrapped = np.clip((n @ key + 0.45) / 1.45, 0, 1) * (0.35 + 0.65 * light)
        face = mix(face, mix(gaussian_filter(face, 7), wrapped, 0.6), self.soft)
        sky = near * (0.55 + 0.45 * n[..., 2])
        shade = 1.95 * face[..., None] * np.array([1.12, 1.0, 0.84]) ** warm + 0.60 * sky[..., None] * np.array([0.90, 0.98, 1.10])
        glow = gaussian_filter(self.colour, (9, 9, 0)) * self.soft[..., None] * 0.25 * near[..., None]
        out = self.colour * shade + glow
        # The window and a white card at the other side, mirrored in what is wet.
        away = 2 * n[..., 2:3] * n - np.array([0, 0, 1], np.float32)
        px, py = away[..., 0] / np.maximum(away[..., 2], 0.05), away[..., 1] / np.maximum(away[..., 2], 0.05)
        a, b = px * towards[0] + py * towards[1], -px * towards[1] + py * towards[0]
        pane = smooth(0.28, 0.42, a) * smooth(1.9, 1.4, a) * smooth(0.75, 0.55, np.abs(b))
        pane *= 1 - 0.6 * smooth(0.05, 0.02, np.abs(b)) * smooth(0.3, 0.5, a)
        card = smooth(-0.35, -0.6, a) * smooth(-2.2, -1.4, a) * 0.18
        edge = 0.06 + 0.94 * (1 - np.clip(n[..., 2], 0, 1)) ** 3
        shine = self.gloss * (pane * (0.35 + 0.65 * light) * 0.9 + card * near) * (0.55 + edge)
        out += shine[..., None] * np.array([1.0, 0.98, 0.94])
        out *= (1.05 - 0.26 * (self.x**2 / 1.8 + self.y**2))[..., None]
        out = film(out)
        grey = out.mean(axis=2, keepdims=True)
        out = np.clip(grey + 1.04 * (out - grey), 0, 1)
        picture = Image.fromarray((out * 255 + 0.5).astype(np.uint8))
        return picture.resize((wide, wide * 3 // 4), Image.LANCZOS)

    def half(self, a):
        return a.reshape(self.h // 2, 2, self.w // 2, 2).mean(axis=(1, 3)) / 2

    def full(self, a):
        return gaussian_filter(a.repeat(2, 0).repeat(2, 1), 1)

    def lit(self, z, dx, dy, rise):
        """How much of a lamp in this direction every point sees."""
        highest = np.full_like(z, -1e9)
        far = int(min(0.9 * self.unit, z.max() / rise)) + 2
        for step in np.unique(np.geomspace(2, max(far, 3), 54).astype(int)):
            sx, sy = int(round(dx * step)), int(round(dy * step))
            moved = shifted(z, sy, sx) - step * rise
            np.maximum(highest, moved, out=highest)
        return 1 - smooth(-0.6, 2.2, highest - z)


def shifted(a, dy, dx):
    """What stands `dy`, `dx` away; nothing beyond the edge."""
    out = np.zeros_like(a)
    h, w = a.shape
    ys, yd = (slice(max(dy, 0), h + min(dy, 0)), slice(max(-dy, 0), h + min(-dy, 0)))
    xs, xd = (slice(max(dx, 0), w + min(dx, 0)), slice(max(-dx, 0), w + min(-dx, 0)))
    out[yd, xd] = a[ys, xs]
    return out


def film(x):
    """A film's shoulder (Hable's curve, fitted by Narkowicz), then the screen's gamma."""
    x = np.maximum(x, 0) * 0.44
    y = x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)
    return np.clip(y, 0, 1) ** (1 / 2.2)


# --- profiles

def dome(height, power=0.5):
    def at(u, v):
        r2 = u * u + v * v
        return height * np.clip(1 - r2, 0, 1) ** power, r2 < 1

    return at


def block(height, round_=5, wobble=0.0, phase=0.0):
    def at(u, v):
        if wobble:
            u = u * (1 + wobble * np.sin(3 * v + phase))
            v = v * (1 + wobble * np.cos(2.3 * u + phase * 2))
        d = np.abs(u) ** round_ + np.abs(v) ** round_
        return height * np.clip(1 - d, 0, 1) ** 0.28, d < 1

    return at


def disc(height, edge=8.0, wobble=0.0, phase=0.0):
    def at(u, v):
        r = np.hypot(u, v)
        if wobble:
            a = np.arctan2(v, u)
            r = r * (1 + wobble * (np.sin(3 * a + phase) + 0.6 * np.sin(5 * a + 2 * phase)))
        return height * np.clip(1 - r**edge, 0, 1) ** 0.45, r < 1

    return at


def leaf(height, frill=0.0, curl=0.5, teeth=0, phase=0.0):
    """From u = -1 to 1; a rib along it."""

    def at(u, v):
        width = np.clip(1 - u * u, 0, 1) ** 0.62
        if teeth:
            width = width * (1 - 0.22 * np.abs(np.sin(teeth * u * 3.14)))
        across = v / np.maximum(width, 1e-3)
        h = height * (0.4 + curl * across**2 + 0.25 * np.exp(-((v / 0.08) ** 2)))
        h = h + frill * height * np.abs(across) * np.sin(13 * u + 4 * across + phase)
        veins = np.abs(np.sin(9 * (u - 0.5 * np.abs(across))))
        return h + height * 0.08 * veins, (np.abs(across) < 1) & (np.abs(u) < 1)

    return at
