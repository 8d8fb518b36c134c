# repeat_network.py · Tests/Independent, imported by repeat_trial.py. Repeats trials of the convolutional network from Docs/numerics.md
# alone: its section of that page, formula by formula. NumPy does the same step of many chains at once, and no sum of its own.
"""The problem `convolutional-network` of repeat_trial.py. Values are Float32 and kept in arrays of float64.

A trial's line has `data`, a folder with the four files of Fashion-MNIST's form, or without it `pixels`, where the self-test's generator of
images starts, and `test_samples`, how many of its images are the test set.
"""

import gzip
import hashlib
import math
import os
import struct

import numpy as np

from repeat_trial import DEFAULTS, FLOAT32, FLOAT64 as R, IDENTITY, INITIAL, WORD, Trial, exponential, logarithm, philox

# --- Arithmetic ---------------------------------------------------------------------------------------------------------------

TIE, TAIL = 1 << 28, (1 << 29) - 1
MAGNITUDE, ONE, SMALLEST_NORMAL = np.uint32(0x7FFF_FFFF), np.uint32(1), np.uint32(0x0080_0000)


def add_products(sums, pairs):
    """Replaces each element of `sums` by fma(x, y, element) for one pair (x, y) of arrays after the other.

    x · y has at most 48 digits and is exact in float64. Its sum with the element, rounded to float64 and then to Float32, is the sum
    rounded once unless the first of these is a tie of the second, or the result is near the denormals: these few are done on integers.
    """
    wide, narrow = np.empty(sums.shape), np.empty(sums.shape, np.float32)
    tails, magnitudes = np.empty(sums.shape, np.int64), np.empty(sums.shape, np.uint32)
    for x, y in pairs:
        np.multiply(x, y, out=wide)
        np.add(wide, sums, out=wide)
        narrow[...] = wide
        np.bitwise_and(wide.view(np.int64), TAIL, out=tails)
        np.bitwise_and(narrow.view(np.uint32), MAGNITUDE, out=magnitudes)
        # From 1 to the smallest normal number, which may be a smaller one rounded up; 0 becomes the largest word.
        np.subtract(magnitudes, ONE, out=magnitudes)
        doubtful = tails == TIE
        if magnitudes.min() < SMALLEST_NORMAL:
            doubtful |= magnitudes < SMALLEST_NORMAL
        if doubtful.any():
            places = np.nonzero(doubtful)
            x, y, z, sum_ = (np.broadcast_to(array, sums.shape)[places] for array in (x, y, sums, wide))
            # Most ties are sums that float64 holds exactly, whose one rounding is that to Float32. The error is Knuth's TwoSum.
            part = sum_ - z
            error = (x * y - part) + (z - (sum_ - part))
            for n in np.nonzero((error != 0) | (magnitudes[places] < SMALLEST_NORMAL))[0]:
                narrow[tuple(axis[n] for axis in places)] = FLOAT32.fma(float(x[n]), float(y[n]), float(z[n]))
        sums[...] = narrow
    return sums


def fma(x, y, z):
    sums = np.empty(np.broadcast_shapes(np.shape(x), np.shape(y), np.shape(z)))
    sums[...] = z
    return add_products(sums, [(x, y)])


def add(x, y):
    return fma(x, 1.0, y)


def sub(x, y):
    return fma(y, -1.0, x)


def convert(values):
    return np.array([FLOAT32.convert(value) for value in np.ravel(values)]).reshape(np.shape(values))


def total(values):
    """The sum over the first axis, beginning with 0."""
    sums = np.zeros(values.shape[1:])
    return add_products(sums, ((value, 1.0) for value in values))


def eight(shape, *passes):
    """Eight sums over what each pass yields: pairs (x, w) whose last axis is the next of the index, at most eight of them."""
    s = np.zeros((*shape, 8))
    for pairs in passes:
        for x, w in pairs:
            width = x.shape[-1]
            if width == 8:
                add_products(s, [(x, w)])
            else:
                s[..., :width] = fma(x, w, s[..., :width])
    return join_eight([s[..., l] for l in range(8)])


def join_eight(s):
    return add(add(add(s[0], s[4]), add(s[2], s[6])), add(add(s[1], s[5]), add(s[3], s[7])))


def in_eights(x, w):
    """The pairs of two arrays along their last axis."""
    for k in range(0, x.shape[-1], 8):
        yield x[..., k : k + 8], w[..., k : k + 8]


# --- Data ---------------------------------------------------------------------------------------------------------------------

SIDE, PIXELS, CLASSES = 28, 784, 10
TABLE = np.array([FLOAT32.convert(R.div(R.sub(R.div(float(p), 255.0), 0.2860), 0.3530)) for p in range(256)])
FILES = {"training_images": "train-images-idx3-ubyte", "training_labels": "train-labels-idx1-ubyte",
         "test_images": "t10k-images-idx3-ubyte", "test_labels": "t10k-labels-idx1-ubyte"}


def read_files(folder):
    """The four files of a data set, unpacked, by the names of the trial's parameters."""
    files = {}
    for parameter, name in FILES.items():
        path = os.path.join(folder, name)
        with open(path, "rb") if os.path.exists(path) else gzip.open(path + ".gz") as file:
            files[parameter] = file.read()
    return files


def generated_files(state, training, test):
    """The same of the self-test's images."""
    files = {}
    for part, count in [("training", training), ("test", test)]:
        pixels = bytearray()
        for _ in range(count * PIXELS):
            state = 1664525 * state + 1013904223 & WORD
            pixels.append(state >> 24)
        files[part + "_images"] = struct.pack(">4I", 2051, count, SIDE, SIDE) + pixels
        files[part + "_labels"] = struct.pack(">2I", 2049, count) + bytes(7 * i % CLASSES for i in range(count))
    return files


class Images:
    """The first so many images of two files, whose headers have 16 and 8 bytes, or all of them."""

    def __init__(self, images, labels, count=None):
        self.labels = list(labels[8:])[:count]
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(-1, SIDE, SIDE)
        self.inputs = TABLE[pixels[: len(self.labels)]]

    def __len__(self):
        return len(self.labels)


# --- Network ------------------------------------------------------------------------------------------------------------------

NAMES = ["w1", "b1", "w2", "b2", "w3", "b3", "w4", "b4"]


class Tensors(dict):
    """The eight arrays of the parameters, or of anything that has their shape."""

    def combined(self, operation, *others):
        return Tensors((name, operation(self[name], *(other[name] for other in others))) for name in NAMES)


def bordered(x):
    """Channels in front, a border of one pixel of zeros around the last two axes."""
    return np.pad(x, [(0, 0)] * (x.ndim - 2) + [(1, 1)] * 2)


class Winners:
    """The winners of every window of one layer's images: shape (images, channels, windows)."""

    def __init__(self, z, size):
        images, channels, height, width = z.shape
        self.columns = width // size
        shape = images, channels, height // size, size, width // size, size
        windows = z.reshape(shape).transpose(0, 1, 2, 4, 3, 5).reshape(images, channels, -1, size * size)
        first, largest = np.zeros(windows.shape[:3], int), windows[..., 0]
        for pixel in range(1, size * size):
            is_larger = windows[..., pixel] > largest
            first, largest = np.where(is_larger, pixel, first), np.where(is_larger, windows[..., pixel], largest)
        self.exists = largest > 0
        self.values = np.where(self.exists, largest, 0.0)
        places = np.arange(windows.shape[2])
        self.row = places // self.columns * size + first // size
        self.column = places % self.columns * size + first % size

    def patch(self, x, row, column):
        """Of what a bordered x (images, rows, columns, channels) has in the patches around the winners: the channels of one place."""
        image = np.arange(len(x))[:, None, None]
        return x[image, self.row + row, self.column + column]

    def patch_row(self, x, row):
        return np.concatenate([self.patch(x, row, column) for column in range(3)], axis=-1)

    def lists(self, image):
        """The n-th windows with a winner, for n = 0, 1, …: the channels that have one, and which it is."""
        lists = [np.nonzero(of_channel)[0] for of_channel in self.exists[image]]
        for n in range(max(map(len, lists))):
            channels = [o for o, list_ in enumerate(lists) if n < len(list_)]
            yield channels, [lists[o][n] for o in channels]


def channels_last(x):
    """Bordered, (images, rows, columns, channels)."""
    return np.ascontiguousarray(bordered(x).transpose(0, 2, 3, 1))


def planes(values, columns):
    """(images, channels, windows) as images."""
    return values.reshape(*values.shape[:2], -1, columns)


def convolution1(x, w, bias):
    """conv1's z, (images, 32, 28, 28); x is bordered."""
    z = np.empty((len(x), 32, SIDE, SIDE))
    z[...] = bias[:, None, None]
    return add_products(z, ((x[:, None, row : row + SIDE, column : column + SIDE], w[:, 0, row, column, None, None])
                            for row in range(3) for column in range(3)))


def along_both(map_, x):
    """A map applied to the columns of the matrices in the first two axes, and then to the rows of what that gives."""
    x = np.stack(map_(*x))
    return np.stack(map_(*x.swapaxes(0, 1))).swapaxes(0, 1)


def convolution2(a, w, bias):
    """conv2's z; a is (images, 32, rows, columns)."""
    x = bordered(a)
    height, width = a.shape[2] // 2, a.shape[3] // 2
    U = along_both(lambda a, b, c: (a, fma(add(add(a, b), c), 0.5, -0.0), fma(add(sub(a, b), c), 0.5, -0.0), c), w.transpose(2, 3, 0, 1))
    matrices = np.stack([[x[:, :, i : i + 2 * height : 2, j : j + 2 * width : 2] for j in range(4)] for i in range(4)])
    V = along_both(lambda a, b, c, d: (sub(a, c), add(b, c), sub(c, b), sub(b, d)), matrices)
    z = np.empty((len(a), 64, height, 2, width, 2))
    for image in range(len(a)):
        v = V[:, :, image]
        M = add_products(np.zeros((4, 4, 64, height, width)), ((v[:, :, None, c], U[:, :, :, c, None, None]) for c in range(a.shape[1])))
        Y = along_both(lambda a, b, c, d: (add(add(a, b), c), sub(sub(b, c), d)), M)
        z[image] = add(bias[:, None, None, None, None], Y.transpose(2, 3, 0, 4, 1))
    return z.reshape(len(a), 64, 2 * height, 2 * width)


class Pass:
    """A forward pass of some images and, on request, the gradient of their mean loss and its derivative along v."""

    def __init__(self, theta, pool, inputs, labels):
        self.theta, self.labels = theta, labels
        size = {"max": 2, "none": 1}[pool]
        x = bordered(inputs)
        self.x = x[..., None]
        self.first = Winners(convolution1(x, theta["w1"], theta["b1"]), size)
        self.a = planes(self.first.values, self.first.columns)
        self.second = Winners(convolution2(self.a, theta["w2"], theta["b2"]), size)
        self.features = self.second.values.reshape(len(x), -1)
        z = self.dense((self.features, theta["w3"]), bias=theta["b3"])
        self.h = np.where(z > 0, z, 0.0)
        self.logits = self.dense((self.h, theta["w4"]), bias=theta["b4"])
        self.losses, self.p = [], []
        for logits, label in zip(self.logits.tolist(), labels):
            differences = [R.sub(logit, max(logits)) for logit in logits]
            e = [exponential(difference) for difference in differences]
            S = 0.0
            for value in e:
                S = R.add(S, value)
            finite = math.isfinite(S)
            self.losses.append(R.sub(logarithm(S), differences[label]) if finite else math.nan)
            self.p.append([R.div(value, S) if finite else math.nan for value in e])

    @staticmethod
    def dense(*pairs, bias):
        """bias + eight(x · w) of all images at once."""
        x, w = pairs[0]
        return add(bias, eight((len(x), len(w)), *(in_eights(x[:, None], w) for x, w in pairs)))

    # --- Gradient -------------------------------------------------------------------------------------------------------------

    def gradient(self):
        B = float(len(self.labels))
        self.delta = convert([[R.div(R.sub(p, float(j == label)), B) for j, p in enumerate(row)] for row, label in zip(self.p, self.labels)])
        theta, g = self.theta, Tensors()
        self.delta_h = self.passed_down((self.delta, theta["w4"]))
        self.delta_h[self.h == 0] = 0.0
        self.delta2 = self.passed_down((self.delta_h, theta["w3"])).reshape(self.second.values.shape)
        self.delta1 = self.back_through_second((self.delta2, theta["w2"]))
        g["w4"], g["b4"] = self.outer((self.delta, self.h)), total(self.delta)
        g["w3"], g["b3"] = self.outer((self.delta_h, self.features)), total(self.delta_h)
        g["w2"], g["b2"] = self.weights(self.second, (self.delta2, channels_last(self.a))), self.biases(self.second, self.delta2)
        g["w1"], g["b1"] = self.weights(self.first, (self.delta1, self.x)), self.biases(self.first, self.delta1)
        return g

    @staticmethod
    def passed_down(*pairs):
        """Σ[0](δ[o] · w[o][k]) over o, one pair of arrays after the other."""
        delta, w = pairs[0]
        sums = np.zeros((len(delta), w.shape[1]))
        return add_products(sums, ((delta[:, o, None], w[o]) for delta, w in pairs for o in range(len(w))))

    @staticmethod
    def outer(*pairs):
        """Σ[0](δ[o] · input[k]) over the images, one pair of arrays after the other."""
        delta, x = pairs[0]
        return add_products(np.zeros((delta.shape[1], x.shape[1])), ((d[:, None], x) for delta, x in pairs for d, x in zip(delta, x)))

    def back_through_second(self, *pairs):
        """conv2's Σ[0](δ[o][v] · w[o][c]) over o, row and windows, both pairs for a window before the next one.

        Of one row of a patch, the windows of different rows of windows reach different pixels; only those of one row take turns."""
        images, _, height, width = self.a.shape
        sums = np.zeros((images, height + 2, width + 2, 32))
        columns = self.second.columns
        exists, rows, places = (planes(x, columns) for x in (self.second.exists, self.second.row, self.second.column))
        pairs = [(planes(delta, columns), w.transpose(0, 2, 3, 1)) for delta, w in pairs]
        for o in range(64):
            for row in range(3):
                for j in range(columns):
                    image, i = np.nonzero(exists[:, o, :, j])
                    if len(image) == 0:
                        continue
                    pixels = (image[:, None], rows[image, o, i, j][:, None] + row, places[image, o, i, j][:, None] + np.arange(3))
                    sums[pixels] = add_products(sums[pixels], ((delta[image, o, i, j][:, None, None], w[o, row]) for delta, w in pairs))
        delta = sums[:, 1:-1, 1:-1].transpose(0, 3, 1, 2).reshape(self.first.values.shape)
        return np.where(self.first.exists, delta, 0.0)

    @staticmethod
    def weights(winners, *pairs):
        """dw of a convolution: over the images and, in each, over all windows with one pair and then with the next."""
        delta, x = pairs[0]
        sums = np.zeros((delta.shape[1], 3, 3, x.shape[-1]))
        around = np.arange(3)
        for image in range(len(delta)):
            steps = list(winners.lists(image))
            for delta, x in pairs:
                for o, v in steps:
                    rows = winners.row[image, o, v][:, None, None] + around[:, None]
                    columns = winners.column[image, o, v][:, None, None] + around
                    sums[o] = fma(delta[image, o, v][:, None, None, None], x[image, rows, columns], sums[o])
        return np.ascontiguousarray(sums.transpose(0, 3, 1, 2))

    @staticmethod
    def biases(winners, delta):
        sums = np.zeros(delta.shape[1])
        for image in range(len(delta)):
            for o, v in winners.lists(image):
                sums[o] = add(delta[image, o, v], sums[o])
        return sums

    # --- Product --------------------------------------------------------------------------------------------------------------

    def product(self, v):
        """H v, after `gradient`."""
        theta, first, second = self.theta, self.first, self.second
        a = channels_last(self.a)

        def patches(winners, x, w):
            """The pairs of a patch of every winner, eight at a time, for `eight`."""
            w = w.transpose(0, 2, 3, 1)
            for row in range(3):
                line, weights = winners.patch_row(x, row), w[:, row].reshape(len(w), 1, -1)
                yield from in_eights(line, weights)

        z = add(v["b1"][:, None], eight(first.row.shape, patches(first, self.x, v["w1"])))
        r_a = channels_last(planes(np.where(first.exists, z, 0.0), first.columns))
        z = add(v["b2"][:, None], add(eight(second.row.shape, patches(second, a, v["w2"])),
                                      eight(second.row.shape, patches(second, r_a, theta["w2"]))))
        r_features = np.where(second.exists, z, 0.0).reshape(self.features.shape)
        z = self.dense((self.features, v["w3"]), (r_features, theta["w3"]), bias=v["b3"])
        r_h = np.where(self.h == 0, 0.0, z)
        r_logits = self.dense((self.h, v["w4"]), (r_h, theta["w4"]), bias=v["b4"])
        rows = []
        for p, r in zip(self.p, r_logits.tolist()):
            mean = R.chain(0.0, zip(p, r))
            rows.append([R.div(R.mul(p_, R.sub(r_, mean)), float(len(self.p))) for p_, r_ in zip(p, r)])
        r_delta = convert(rows)

        r_delta_h = self.passed_down((r_delta, theta["w4"]), (self.delta, v["w4"]))
        r_delta_h[self.h == 0] = 0.0
        r_delta2 = self.passed_down((r_delta_h, theta["w3"]), (self.delta_h, v["w3"])).reshape(second.values.shape)
        r_delta1 = self.back_through_second((r_delta2, theta["w2"]), (self.delta2, v["w2"]))
        g = Tensors()
        g["w4"], g["b4"] = self.outer((r_delta, self.h), (self.delta, r_h)), total(r_delta)
        g["w3"], g["b3"] = self.outer((r_delta_h, self.features), (self.delta_h, r_features)), total(r_delta_h)
        g["w2"], g["b2"] = self.weights(second, (r_delta2, a), (self.delta2, r_a)), self.biases(second, r_delta2)
        g["w1"], g["b1"] = self.weights(first, (r_delta1, self.x)), self.biases(first, r_delta1)
        return g


# --- Training -----------------------------------------------------------------------------------------------------------------


def squared_norm(u):
    """n² of the page: 32 chains over the places of the parameters."""
    w1 = np.zeros((32, 3, 8))
    w1[..., :3] = u["w1"][:, 0]
    places = [w1, u["b1"], u["w2"].transpose(0, 2, 3, 1), u["b2"], u["w3"], u["b3"], u["w4"], u["b4"]]
    places = np.concatenate([part.ravel() for part in places])
    places = np.pad(places, (0, -len(places) % 32)).reshape(-1, 32)
    s = add_products(np.zeros(32), zip(places, places))
    L = add(add(s[:8], s[8:16]), add(s[16:24], s[24:]))
    return float(join_eight(L[:, None])[0])


class Network(Trial):
    """The problem `convolutional-network`."""

    NAME, NUMERICS = "convolutional-network", 2
    DEFAULTS = {
        **{name: DEFAULTS[name] for name in IDENTITY}, "weight_decay": 0.01,
        **{name: "" for name in FILES}, "samples": 60_000, "pool": "max", "batch_size": 32, "epochs": 400, "learning_rate_decay": 0.99,
        "clip_norm": 1.0, "batch_gradient_every": 0, "precision": "float32",
    }
    IDENTITY = [*IDENTITY, "weight_decay"]

    def __init__(self, given):
        given = dict(given)
        self.folder = given.pop("data", None)
        self.generated = int(given.pop("pixels", 2026)), int(given.pop("test_samples", 5))
        super().__init__(given)

    def make_data(self):
        if self.folder:
            files = read_files(self.folder)
        else:
            state, test = self.generated
            files = generated_files(state, self.samples, test)
        for parameter, content in files.items():
            setattr(self, parameter, hashlib.sha256(content).hexdigest())
        self.train = Images(files["training_images"], files["training_labels"], self.samples)
        self.test = Images(files["test_images"], files["test_labels"])
        F = {"max": 3136, "none": 50176}[self.pool]
        shapes = [(32, 1, 3, 3), (32,), (64, 32, 3, 3), (64,), (128, F), (128,), (10, 128), (10,)]
        counts = [math.prod(shape) for shape in shapes]
        # Two words are one uniform, so two uniforms a block.
        blocks = np.arange(sum(counts) + 1 >> 1, dtype=np.uint64)
        words = philox((blocks, 0, self.initialization << 16, INITIAL), (self.seed & WORD, self.seed >> 32))
        integers = np.stack([words[0] | words[1] << np.uint64(32), words[2] | words[3] << np.uint64(32)], axis=1).ravel()
        uniforms = ((integers >> np.uint64(12)) * np.uint64(2) + np.uint64(1)).astype(np.float64) * 2.0**-53
        self.theta, start = Tensors(), 0
        for name, shape, count, inputs in zip(NAMES, shapes, counts, [9, 9, 288, 288, F, F, 128, 128]):
            # No value is near a denormal, so that NumPy's product and conversion are those of the page.
            values = (2 * uniforms[start : start + count] - 1) * R.div(1.0, R.sqrt(float(inputs)))
            self.theta[name] = values.astype(np.float32).astype(np.float64).reshape(shape)
            start += count

    def make_constants(self):
        names = "learning_rate", "learning_rate_decay", "lambda2", "weight_decay", "clip_norm"
        self.eta, self.eta_decay, self.strength, self.decay, self.clip = (R.convert(getattr(self, name)) for name in names)

    def forward(self, images, places):
        return Pass(self.theta, self.pool, images.inputs[places], [images.labels[i] for i in places])

    def batch_gradient(self):
        mean, n = None, self.samples
        for first in range(0, n, self.batch_size):
            places = range(first, min(first + self.batch_size, n))
            g = self.forward(self.train, list(places)).gradient()
            weight = FLOAT32.convert(R.div(float(len(places)), float(n)))
            mean = g.combined(lambda g, m: fma(weight, g, m), mean or g.combined(np.zeros_like))
        return mean

    def step(self, number, batch):
        """Whether the sum of losses and n² are finite."""
        every = self.batch_gradient_every
        if self.strength > 0 and every > 0 and number % every == 0:
            self.mean = self.batch_gradient()
        here = self.forward(self.train, batch)
        if not math.isfinite(sum(here.losses)):
            return False
        g = u = here.gradient()
        if self.strength > 0:
            strength = FLOAT32.convert(R.mul(2.0, self.strength))
            v = g.combined(sub, self.mean) if every > 0 else g
            u = here.product(v).combined(lambda h, u: fma(strength, h, u), u)
        decay = FLOAT32.convert(self.decay)
        u = u.combined(lambda u, x: fma(decay, x, u), self.theta)
        square = squared_norm(u)
        if not math.isfinite(square):
            return False
        norm, factor = R.sqrt(square), self.eta
        if self.clip > 0 and norm > self.clip:
            factor = R.mul(self.eta, R.div(self.clip, norm))
        factor = -FLOAT32.convert(factor)
        self.theta = u.combined(lambda u, x: fma(factor, u, x), self.theta)
        return True

    def evaluate(self, images):
        """The mean loss and the share of images whose first largest logit is that of their class."""
        sum_, right = 0.0, 0
        for first in range(0, len(images), 16):
            here = self.forward(images, list(range(first, min(first + 16, len(images)))))
            for loss in here.losses:
                sum_ = R.add(sum_, loss)
            right += sum(logits.index(max(logits)) == label for logits, label in zip(here.logits.tolist(), here.labels))
        return R.div(sum_, float(len(images))), R.div(float(right), float(len(images)))

    def run(self):
        with np.errstate(all="ignore"):
            return self.train_all()

    def train_all(self):
        self.outcome, self.curve, self.accuracy = "done", [], []
        B = self.batch_size
        for self.epoch in range(1, self.epochs + 1):
            order = self.order(self.epoch - 1)
            for number in range(self.samples // B):
                if not self.step(number, order[number * B : number * B + B]):
                    self.outcome = "diverged"
                    return self
            self.eta = R.mul(self.eta, self.eta_decay)
            if self.has_point():
                train, _ = self.evaluate(self.train)
                test, accuracy = self.evaluate(self.test)
                if not (math.isfinite(train) and math.isfinite(test)):
                    self.outcome = "diverged"
                    return self
                self.curve.append((self.epoch, train, test))
                self.accuracy.append(accuracy)
        return self

    def parameter_bits(self):
        return [word for name in NAMES for word in self.theta[name].astype(np.float32).view(np.uint32).ravel().tolist()]

    def series(self):
        return [("test_accuracy", self.accuracy)]
