#!/usr/bin/env python3
# repeat_trial.py · Tests/Independent. Repeats trials from Docs/numerics.md alone, with nothing but Python's own library: section
# by section of that page, every rounding done on exact integers. Slow, and meant to share no mistake with Sources/Compute.
# The convolutional network is repeat_network.py's, beside it, which needs NumPy.
"""Repeat trials to the bit.

Standard input: one trial a line, as `name=value` pairs separated by spaces (names as in the canonical text of Docs/numerics.md; what is
left out has the value of DEFAULTS; `problem=landscape` or `problem=convolutional-network` makes it one of that problem). Standard output:
one line a trial with its key, digest, outcome, losses and record.

  --worked-example   print the worked example of Docs/numerics.md
  --self-test        print the self-test's digests, that of each problem and the one of all (the diagonal network's takes minutes)
"""

import copy
import hashlib
import math
import struct
import sys

# --- Arithmetic ---------------------------------------------------------------------------------------------------------------


def exact(x):
    """x = n · 2^e, for a finite x."""
    fraction, exponent = math.frexp(x)
    return int(fraction * 2.0**53), exponent - 53


class Format:
    """A binary format of IEEE 754 whose denormals are flushed. Its values are kept as Python floats, which hold both formats."""

    def __init__(self, name, digits, smallest, largest):
        self.name, self.digits, self.smallest, self.largest = name, digits, smallest, largest

    def nearest(self, negative, n, e):
        """The value nearest to ±n · 2^e with n ≥ 0, ties to even."""
        surplus = n.bit_length() - self.digits
        if surplus > 0:
            rest, half = n & ((1 << surplus) - 1), 1 << (surplus - 1)
            n, e = n >> surplus, e + surplus
            if rest > half or (rest == half and n & 1):
                n += 1
        magnitude = n.bit_length() - 1 + e
        if n == 0 or magnitude < self.smallest:
            value = 0.0
        elif magnitude > self.largest:
            value = math.inf
        else:
            value = math.ldexp(n, e)
        return -value if negative else value

    def fma(self, x, y, z):
        if not math.isfinite(x) or not math.isfinite(y):
            return x * y + z
        if not math.isfinite(z):
            return z
        (nx, ex), (ny, ey), (nz, ez) = exact(x), exact(y), exact(z)
        product, e = nx * ny, ex + ey
        if product == 0 and nz == 0:
            both = math.copysign(1, x) * math.copysign(1, y) < 0 and math.copysign(1, z) < 0
            return -0.0 if both else 0.0
        if product == 0:
            return z
        if nz != 0:
            low = min(e, ez)
            product, e = (product << (e - low)) + (nz << (ez - low)), low
        return self.nearest(product < 0, abs(product), e)

    def mul(self, x, y):
        if not math.isfinite(x) or not math.isfinite(y):
            return x * y
        (nx, ex), (ny, ey) = exact(x), exact(y)
        return self.nearest(math.copysign(1, x) * math.copysign(1, y) < 0, abs(nx * ny), ex + ey)

    def add(self, x, y):
        return self.fma(x, 1.0, y)

    def sub(self, x, y):
        return self.add(x, -y)

    def div(self, x, y):
        """For a finite y other than 0."""
        if not math.isfinite(x):
            return x / y
        (nx, ex), (ny, ey) = exact(x), exact(y)
        quotient, rest = divmod(abs(nx) << 120, abs(ny))
        # The last bit stands for everything below it: enough to tell a tie from what is near one.
        return self.nearest(math.copysign(1, x) * math.copysign(1, y) < 0, quotient << 1 | (rest != 0), ex - ey - 121)

    def sqrt(self, x):
        """For x ≥ 0 and finite."""
        n, e = exact(x)
        n, e = n << 120 + (e & 1), e - 120 - (e & 1)
        root = math.isqrt(n)
        return self.nearest(False, root << 1 | (root * root != n), e // 2 - 1)

    def convert(self, x):
        """x, of either format, in this one."""
        return self.mul(x, 1.0)

    def chain(self, start, pairs):
        """Σ[start](x·y)."""
        for x, y in pairs:
            start = self.fma(x, y, start)
        return start

    def bits(self, x):
        code, whole = ("<f", "<I") if self.digits == 24 else ("<d", "<Q")
        return struct.unpack(whole, struct.pack(code, x))[0]


FLOAT32 = Format("float32", 24, -126, 127)
FLOAT64 = Format("float64", 53, -1022, 1023)
R = FLOAT64

# --- Random words and numbers -------------------------------------------------------------------------------------------------

WORD = 0xFFFFFFFF
BETA_POSITIONS, BETA_VALUES, INPUTS, NOISE, INITIAL, ORDER, GRADIENT_NOISE, POPULATION, RESAMPLE, FRESH = range(1, 11)
BOOTSTRAP = 12


def philox(counter, key):
    x0, x1, x2, x3 = counter
    k0, k1 = key
    for _ in range(10):
        first, second = 0xD2511F53 * x0, 0xCD9E8D57 * x2
        x0, x1, x2, x3 = second >> 32 ^ x1 ^ k0, second & WORD, first >> 32 ^ x3 ^ k1, first & WORD
        k0, k1 = k0 + 0x9E3779B9 & WORD, k1 + 0xBB67AE85 & WORD
    return x0, x1, x2, x3


class Stream:
    def __init__(self, seed, purpose, epoch=0, training_set=0, initialization=0, repeat=0):
        self.words = self.generate((seed & WORD, seed >> 32), epoch, training_set | initialization << 16, purpose | repeat << 8)

    @staticmethod
    def generate(key, x1, x2, x3):
        block = 0
        while True:
            yield from philox((block, x1, x2, x3), key)
            block += 1

    def integer(self):
        low = next(self.words)
        return low | next(self.words) << 32

    def uniform(self):
        return math.ldexp(2 * (self.integer() >> 12) + 1, -53)

    def normal(self):
        return quantile(self.uniform())

    def below(self, bound):
        while True:
            product = next(self.words) * bound
            if product & WORD >= 2**32 % bound:
                return product >> 32

    def permutation(self, count):
        places = list(range(count))
        for i in range(count - 1, 0, -1):
            j = self.below(i + 1)
            places[i], places[j] = places[j], places[i]
        return places


def horner(coefficients, x):
    value = coefficients[0]
    for coefficient in coefficients[1:]:
        value = R.fma(value, x, coefficient)
    return value


A = [2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080]
B = [5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0]
C = [7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734]
D = [1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0]
E = [2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720]
F = [2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0]


def quantile(p):
    q = R.sub(p, 0.5)
    if abs(q) <= 0.425:
        r = R.fma(-q, q, 0.180625)
        return R.div(R.mul(q, horner(A, r)), horner(B, r))
    t = R.sqrt(-logarithm(p if q < 0 else R.sub(1.0, p)))
    if t <= 5:
        r = R.sub(t, 1.6)
        magnitude = R.div(horner(C, r), horner(D, r))
    else:
        r = R.sub(t, 5.0)
        magnitude = R.div(horner(E, r), horner(F, r))
    return -magnitude if q < 0 else magnitude


def logarithm(x):
    half_m, e = math.frexp(x)
    m, e = 2 * half_m, e - 1
    if m >= float.fromhex("0x1.6a09e667f3bcdp+0"):
        m, e = m / 2, e + 1
    f = R.div(R.sub(m, 1.0), R.add(m, 1.0))
    z = R.mul(f, f)
    h = horner([R.div(1.0, float(n)) for n in range(23, 2, -2)], z)
    l = R.fma(2 * f, R.mul(z, h), 2 * f)
    l = R.fma(float(e), float.fromhex("0x1.cf79abc9e3b3ap-40"), l)
    return R.fma(float(e), float.fromhex("0x1.62e42fefap-1"), l)


def exponential(x):
    if x != x or x < -708:
        return x if x != x else 0.0
    low = float.fromhex("0x1.cf79abc9e3b3ap-40")
    k = R.sub(R.fma(x, float.fromhex("0x1.71547652b82fep+0"), 1.5 * 2.0**52), 1.5 * 2.0**52)
    upper = R.fma(-k, float.fromhex("0x1.62e42fefap-1"), x)
    r = R.fma(-k, low, upper)
    c = R.fma(-k, low, R.sub(upper, r))
    h = horner([R.div(1.0, float(math.factorial(n))) for n in range(13, 1, -1)], r)
    return R.mul(R.add(1.0, R.add(r, R.fma(R.mul(r, r), h, c))), 2.0**k)


# --- Data ---------------------------------------------------------------------------------------------------------------------

DEFAULTS = {
    "seed": 1, "training_set": 0, "initialization": 0, "repeat": 0,
    "lambda1": 0.0, "lambda2": 0.0, "learning_rate": 0.01, "momentum": 0.0,
    "dimension": 100, "samples": 40, "nonzero": 5, "signal_variance": 2.0, "noise_variance": 1.0,
    "initialization_scale": 0.2, "batch_size": 1, "epochs": 200, "precision": "float32", "record": "losses", "replacements": 8,
}
IDENTITY = ["seed", "training_set", "initialization", "repeat", "lambda1", "lambda2", "learning_rate"]
# Strengths that are in the key only where they are not 0.
OPTIONAL = ["momentum", "weight_decay"]


class Trial:
    NAME, NUMERICS, DEFAULTS, IDENTITY = "diagonal-network", 1, DEFAULTS, IDENTITY

    def __init__(self, given):
        for name, value in {**self.DEFAULTS, **given}.items():
            if name not in self.DEFAULTS:
                sys.exit(f"no trial has a {name}")
            setattr(self, name, type(self.DEFAULTS[name])(value))
        self.format = {"float32": FLOAT32, "float64": FLOAT64}[self.precision]
        self.make_data()
        self.make_constants()

    def make_data(self):
        d, seed, t = self.dimension, self.seed, self.training_set
        values = Stream(seed, BETA_VALUES)
        scale = R.sqrt(R.convert(self.signal_variance))
        self.beta = [0.0] * d
        for position in Stream(seed, BETA_POSITIONS).permutation(d)[: self.nonzero]:
            self.beta[position] = R.mul(scale, values.normal())
        inputs, noise = Stream(seed, INPUTS, training_set=t), Stream(seed, NOISE, training_set=t)
        scale = R.sqrt(R.convert(self.noise_variance))
        X = [[inputs.normal() for _ in range(d)] for _ in range(self.samples)]
        y = [R.add(R.chain(0.0, zip(self.beta, row)), R.mul(scale, noise.normal())) for row in X]
        initial = Stream(seed, INITIAL, initialization=self.initialization)
        theta = [R.mul(R.convert(self.initialization_scale), initial.normal()) for _ in range(2 * d)]
        W = self.format
        self.X = [[W.convert(x) for x in row] for row in X]
        self.X2 = [[W.mul(x, x) for x in row] for row in self.X]
        self.y = [W.convert(value) for value in y]
        self.a, self.b = [W.convert(x) for x in theta[:d]], [W.convert(x) for x in theta[d:]]

    def make_constants(self):
        n, b = float(self.samples), float(self.batch_size)
        lambda1, lambda2 = R.convert(self.lambda1), R.convert(self.lambda2)
        eight, four = R.mul(8.0, lambda1), R.mul(4.0, lambda2)
        made = [R.div(eight, n), R.div(eight, R.mul(n, n)), R.div(four, n), R.div(four, b), R.div(2.0, b), R.div(2.0, n),
                R.mul(2.0, lambda2), R.convert(self.learning_rate)]
        self.constants = [self.format.convert(c) for c in made]
        self.mu = self.format.convert(R.convert(self.momentum))
        self.velocity = [0.0] * (2 * self.dimension)

    # --- Training -------------------------------------------------------------------------------------------------------------

    def order(self, epoch):
        return Stream(self.seed, ORDER, epoch, self.training_set, self.initialization, self.repeat).permutation(self.samples)

    def residuals(self):
        W = self.format
        w = [W.mul(a, b) for a, b in zip(self.a, self.b)]
        return w, [W.chain(-y, zip(row, w)) for row, y in zip(self.X, self.y)]

    def step(self, batch):
        """Trains on one batch; returns what the page's formulas name, for the worked example."""
        W, X, X2, a, b = self.format, self.X, self.X2, self.a, self.b
        c1, c2, c3, c4, c5, c6, c7, eta = self.constants
        columns, columns2 = list(zip(*X)), list(zip(*X2))
        s = [W.fma(a_, a_, W.mul(b_, b_)) for a_, b_ in zip(a, b)]
        w, r = self.residuals()
        q = [W.chain(0.0, zip(row, s)) for row in X2]
        t = [W.chain(0.0, zip(column, [W.mul(x, x) for x in r])) for column in columns2]
        u = [W.chain(0.0, zip(column, r)) for column in columns]
        g = [W.mul(c5, r[i]) for i in batch]
        v = [W.chain(W.mul(-c6, u_), zip((column[i] for i in batch), g)) for column, u_ in zip(columns, u)]
        p = [W.mul(s_, W.fma(-c3, v_, W.mul(-c2, u_))) for s_, u_, v_ in zip(s, u, v)]
        sv = [W.mul(s_, v_) for s_, v_ in zip(s, v)]
        z = [W.chain(0.0, zip(X[i], sv)) for i in batch]
        e = [W.fma(W.mul(c7, v_), v_, W.fma(W.mul(-c2, u_), u_, W.mul(c1, t_))) for t_, u_, v_ in zip(t, u, v)]
        c = [W.fma(W.mul(c1, r_), q_, W.chain(0.0, zip(row, p))) for row, r_, q_ in zip(X, r, q)]
        for i, g_, z_ in zip(batch, g, z):
            c[i] = W.add(c[i], W.fma(c4, z_, g_))
        k = [W.chain(0.0, zip(column, c)) for column in columns]
        slope = [W.fma(b_, k_, W.mul(a_, e_)) for a_, b_, e_, k_ in zip(a, b, e, k)]
        slope += [W.fma(a_, k_, W.mul(b_, e_)) for a_, b_, e_, k_ in zip(a, b, e, k)]
        if self.mu > 0:
            self.velocity = slope = [W.fma(self.mu, v_, slope_) for v_, slope_ in zip(self.velocity, slope)]
        theta = [W.fma(-eta, slope_, theta_) for slope_, theta_ in zip(slope, [*a, *b])]
        self.a, self.b = theta[: self.dimension], theta[self.dimension :]
        return dict(w=w, s=s, r=r, q=q, t=t, u=u, g=g, v=v, p=p, z=z, e=e, c=c, k=k, a=self.a, b=self.b)

    def test_loss(self):
        differences = [R.sub(R.mul(a, b), beta) for a, b, beta in zip(self.a, self.b, self.beta)]
        return R.add(R.chain(0.0, zip(differences, differences)), R.convert(self.noise_variance))

    def train_loss(self):
        _, r = self.residuals()
        return R.div(R.chain(0.0, zip(r, r)), float(self.samples))

    def run(self):
        self.outcome, self.curve = "done", []
        for self.epoch in range(1, self.epochs + 1):
            order = self.order(self.epoch - 1)
            for first in range(0, self.samples, self.batch_size):
                self.step(order[first : first + self.batch_size])
            losses = [self.test_loss()]
            if self.has_point():
                losses.insert(0, self.train_loss())
            if not all(map(math.isfinite, losses)):
                self.outcome = "diverged"
                return self
            if self.has_point():
                self.curve.append((self.epoch, *losses))
        return self

    def has_point(self):
        return self.epoch == self.epochs or self.epoch % -(-self.epochs // 50) == 0

    # --- Record, digest, key --------------------------------------------------------------------------------------------------

    def words(self):
        done = self.outcome == "done"
        losses = [R.bits(loss) for loss in self.curve[-1][1:]] if done else [0x7FF8000000000000] * 2
        words = [0 if done else 1, self.epoch, *losses, len(self.curve)]
        for epoch, train, test in self.curve:
            words += [epoch, R.bits(train), R.bits(test)]
        if done:
            words += self.parameter_bits()
        series = self.series()
        if series:
            words.append(len(series))
        for name, values in series:
            words += [len(name), *name.encode(), len(values), *(0x7FF8000000000000 if x != x else R.bits(x) for x in values)]
        return words

    def series(self):
        return NetworkSeries(self).all() if self.outcome == "done" and self.record != "losses" else []

    def parameter_bits(self):
        return [self.format.bits(x) for x in self.parameters()]

    def parameters(self):
        return self.a + self.b

    def canonical_text(self):
        def real(value):
            return f"{R.bits(value + 0.0):016x}"

        lines = ["regsweep trial", f"numerics={self.NUMERICS}", f"problem={self.NAME}"]
        lines += [f"{name}={getattr(self, name)}" for name in IDENTITY[:4]] + [f"algorithm={getattr(self, 'algorithm', 'sgd')}"]
        lines += [f"{name}={real(getattr(self, name))}" for name in IDENTITY[4:]]
        lines += [f"{name}={real(getattr(self, name))}" for name in OPTIONAL if getattr(self, name, 0.0) != 0]
        for name in sorted(self.DEFAULTS.keys() - set(self.IDENTITY) - set(OPTIONAL)):
            value = getattr(self, name)
            coded = {int: lambda: f"i{value}", float: lambda: "r" + real(value), str: lambda: f"t{len(value.encode())}:{value}"}
            lines.append(f"parameter {name}={coded[type(value)]()}")
        return "\n".join(lines)

    def key(self):
        return hashlib.sha256(self.canonical_text().encode()).digest()[:16].hex()


# --- Network: series ----------------------------------------------------------------------------------------------------------


class Symmetric:
    """Entries (j, k), j ≤ k, of a symmetric matrix."""

    def __init__(self, rows):
        self.rows = rows
        self.entries = {(j, k): 0.0 for j in range(rows) for k in range(j, rows)}

    def add_square(self, v, s):
        scaled = [R.mul(s, x) for x in v]
        for (j, k), entry in self.entries.items():
            self.entries[j, k] = R.fma(scaled[j], v[k], entry)

    def contracted(self, other):
        weighted = {(j, k): entry if j == k else 2 * entry for (j, k), entry in self.entries.items()}
        return R.chain(0.0, ((weighted[place], other.entries[place]) for place in self.entries))

    def norm(self):
        return R.sqrt(self.contracted(self))

    def trace(self):
        return total(self.entries[j, j] for j in range(self.rows))

    def minus(self, other):
        difference = Symmetric(self.rows)
        difference.entries = {place: R.sub(entry, other.entries[place]) for place, entry in self.entries.items()}
        return difference


def total(values):
    sum_ = 0.0
    for value in values:
        sum_ = R.add(sum_, value)
    return sum_


BOOTSTRAP_COUNTS = [1, 4, 16, 64]


def bootstrap_series(estimates, exact, target):
    """The three series of Proposition 1."""
    every = [*estimates, exact]
    return [("bootstrap_ratio", [R.div(estimate.trace(), target.trace()) for estimate in every]),
            ("bootstrap_error", [R.div(estimate.minus(target).norm(), target.norm()) for estimate in every]),
            ("accumulated_covariance", [exact.trace()])]


class NetworkSeries:
    """The series of a trial that is done, from its data and its start."""

    def __init__(self, trial):
        self.trial = trial
        self.X, self.y = trial.X, trial.y
        self.n, self.d, self.B = trial.samples, trial.dimension, trial.batch_size
        start = Trial({name: getattr(trial, name) for name in Trial.DEFAULTS})
        self.a, self.b = start.a, start.b
        self.here()

    def batches(self, epoch):
        order = self.trial.order(epoch)
        return [sorted(order[first : first + self.B]) for first in range(0, self.n, self.B)]

    def residual(self, i):
        return R.chain(-self.y[i], zip(self.X[i], self.w))

    def here(self):
        """What the page names at one θ."""
        self.w = [R.mul(a, b) for a, b in zip(self.a, self.b)]
        self.delta = [R.sub(w, beta) for w, beta in zip(self.w, self.trial.beta)]
        self.R = R.add(R.chain(0.0, zip(self.delta, self.delta)), R.convert(self.trial.noise_variance))

    def lifted(self, h):
        return [R.mul(b, x) for b, x in zip(self.b, h)] + [R.mul(a, x) for a, x in zip(self.a, h)]

    def add_population(self, C, s):
        C.add_square(self.lifted([2 * x for x in self.delta]), s)
        e = R.mul(R.mul(4.0, s), self.R)
        for j, (a, b) in enumerate(zip(self.a, self.b)):
            for k, l, x, y in [(j, j, b, b), (j, self.d + j, b, a), (self.d + j, self.d + j, a, a)]:
                C.entries[k, l] = R.fma(R.mul(e, x), y, C.entries[k, l])

    def slope(self, i, r, mean):
        return [R.fma(2 * r, x, -m) for x, m in zip(self.X[i], mean)]

    def step(self, batch):
        c = [R.mul(R.div(2.0, float(self.B)), self.residual(i)) for i in batch]
        k = [R.chain(0.0, ((self.X[i][j], c_) for i, c_ in zip(batch, c))) for j in range(self.d)]
        eta = R.convert(self.trial.learning_rate)
        self.a, self.b = ([R.fma(-eta, R.mul(b, k_), a) for a, b, k_ in zip(self.a, self.b, k)],
                          [R.fma(-eta, R.mul(a, k_), b) for a, b, k_ in zip(self.a, self.b, k)])
        self.here()

    def all(self):
        copies = self.copies()
        n, d, size = float(self.n), self.d, 2 * self.d
        eta = R.convert(self.trial.learning_rate)
        share = R.div(eta, float(self.B))
        weight = R.mul(share, share)
        G = [[R.chain(0.0, ((row[j], row[k]) for row in self.X)) for k in range(d)] for j in range(d)]
        D, S, T, exact = (Symmetric(size) for _ in range(4))
        estimates = [Symmetric(size) for _ in BOOTSTRAP_COUNTS]
        epochs = self.trial.epochs
        names = ["gap", "variability_trace", "solution_variance", "covariance_trace", "bound_population", "bound_batch"]
        out = {name: [] for name in names}
        for epoch in range(epochs + 1):
            r = [self.residual(i) for i in range(self.n)]
            u = [R.chain(0.0, ((row[j], r_) for row, r_ in zip(self.X, r))) for j in range(d)]
            h = [self.slope(i, r[i], [R.div(2 * x, n) for x in u]) for i in range(self.n)]
            out["gap"].append(R.sub(self.R, R.div(R.chain(0.0, zip(r, r)), n)))
            s = [R.fma(a, a, R.mul(b, b)) for a, b in zip(self.a, self.b)]
            out["covariance_trace"].append(R.div(R.chain(0.0, ((R.mul(s_, x), x) for row in h for s_, x in zip(s, row))), n))
            p, M = self.b + self.a, Symmetric(size)
            for j, k in M.entries:
                M.entries[j, k] = R.mul(R.mul(p[j], p[k]), G[j % d][k % d])
                if k == d + j:
                    M.entries[j, k] = R.add(M.entries[j, k], u[j])
            for name, matrix in [("bound_population", D), ("bound_batch", S)]:
                out[name].append(R.mul(float(epoch), R.div(2 * M.contracted(matrix), n)))

            squares, forms = [], []
            for states in copies:
                A, B = states[epoch]
                va, vb = [R.sub(x, a) for x, a in zip(A, self.a)], [R.sub(x, b) for x, b in zip(B, self.b)]
                squares.append(R.chain(0.0, zip(va + vb, va + vb)))
                m = [R.fma(b, x, R.mul(a, y)) for a, b, x, y in zip(self.a, self.b, va, vb)]
                crossed = R.chain(0.0, ((u_, R.mul(x, y)) for u_, x, y in zip(u, va, vb)))
                z = [R.chain(0.0, zip(row, m)) for row in self.X]
                forms.append(R.chain(2 * crossed, zip(z, z)))
            out["solution_variance"].append(R.div(total(squares), float(len(copies))))
            out["variability_trace"].append(R.div(R.div(2 * total(forms), n), float(len(copies))))

            if epoch == epochs:
                break
            self.add_population(T, 1.0)
            for row in h:
                exact.add_square(self.lifted(row), R.div(1.0, n))
            t = self.trial
            stream = Stream(t.seed, BOOTSTRAP, epoch, t.training_set, t.initialization, t.repeat)
            for number in range(64):
                rows = [h[stream.below(self.n)] for _ in range(self.B)]
                mean = self.lifted([R.div(total(column), float(self.B)) for column in zip(*rows)])
                for K, estimate in zip(BOOTSTRAP_COUNTS, estimates):
                    if number < K:
                        estimate.add_square(mean, R.div(float(self.B), float(K)))
            for batch in self.batches(epoch):
                self.add_population(D, R.mul(weight, float(self.B)))
                for i in batch:
                    S.add_square(self.lifted(self.slope(i, self.residual(i), [2 * x for x in self.delta])), weight)
                self.step(batch)
        return [*out.items(), *bootstrap_series(estimates, exact, T)]

    def copies(self):
        """(a, b) of every copy at the start and after each epoch."""
        t, every = self.trial, []
        scale = R.sqrt(R.convert(t.noise_variance))
        for place in range(self.n):
            stream = Stream(t.seed, FRESH, place, t.training_set, t.initialization, t.repeat)
            for _ in range(t.replacements):
                x = [stream.normal() for _ in range(self.d)]
                y = R.add(R.chain(0.0, zip(t.beta, x)), R.mul(scale, stream.normal()))
                other = copy.copy(self)
                other.X, other.y = list(self.X), list(self.y)
                other.X[place], other.y[place] = x, y
                states = [(other.a, other.b)]
                for epoch in range(t.epochs):
                    for batch in other.batches(epoch):
                        other.step(batch)
                    states.append((other.a, other.b))
                every.append(states)
        return every


# --- Landscape ----------------------------------------------------------------------------------------------------------------


class Landscape(Trial):
    """The other problem; it shares record, digest and key with the network."""

    NAME = "landscape"
    DEFAULTS = {
        **{name: DEFAULTS[name] for name in IDENTITY}, "algorithm": "sgd", "learning_rate": 0.4, "momentum": 0.0,
        "candidates": 30, "samples": 30, "maximum_probability": 0.35, "minimum_height": 31.0, "minimum_height_deviation": 3.1,
        "minimum_width": 1.9, "minimum_width_deviation": 0.19, "second_height": 44.0, "second_height_deviation": 4.4,
        "second_width": 0.83, "second_width_deviation": 0.083, "offset": 36.0, "initializations_per_side": 10, "batch_size": 2,
        "epochs": 200, "learning_rate_decay": 0.99, "noise_deviation": 1.25, "precision": "float64", "record": "losses",
    }
    IDENTITY = [*IDENTITY, "algorithm"]
    PLACES = [(1, 1), (1, 4), (1, 7), (4, 1), (4, 4), (4, 7), (7, 1), (7, 4)]

    def make_data(self):
        self.population = [self.candidate(c) for c in range(self.candidates)]
        draws = Stream(self.seed, RESAMPLE, training_set=self.training_set)
        self.train_on([draws.below(self.candidates) for _ in range(self.samples)])

    def train_on(self, places):
        self.places = places
        self.counts = {c: float(places.count(c)) for c in sorted(set(places))}
        self.restart()

    def make_constants(self):
        pass

    def restart(self):
        side = self.initializations_per_side
        self.theta = [R.div(8.0 * k, float(side - 1)) for k in divmod(self.initialization, side)]
        self.eta = self.learning_rate
        self.velocity = [0.0, 0.0]

    def candidate(self, c):
        stream = Stream(self.seed, POPULATION, c)
        place = self.PLACES[stream.below(8)]
        is_maximum = stream.uniform() < self.maximum_probability

        def draw(name):
            mean, deviation = getattr(self, name), getattr(self, name + "_deviation")
            return max(R.add(mean, R.mul(deviation, stream.normal())), R.mul(0.2, mean))

        height, width = draw("minimum_height"), draw("minimum_width")
        height2, width2 = draw("second_height"), draw("second_width")
        return [(-height, (7, 7), R.div(1.0, R.mul(width, width))),
                (height2 if is_maximum else -height2, place, R.div(1.0, R.mul(width2, width2)))]

    def bumps(self, c):
        """δx, δy, A, S and E of both bumps."""
        for A, (p, q), S in self.population[c]:
            x, y = R.sub(self.theta[0], float(p)), R.sub(self.theta[1], float(q))
            yield x, y, A, S, exponential(R.mul(R.mul(-0.5, S), R.fma(x, x, R.mul(y, y))))

    def evaluate(self):
        self.slopes = {}
        for c in self.counts:
            s = [0.0] * 5
            for x, y, A, S, E in self.bumps(c):
                P = R.mul(R.mul(A, E), S)
                factors = [x, y, R.fma(R.mul(x, S), x, -1.0), R.mul(R.mul(x, S), y), R.fma(R.mul(y, S), y, -1.0)]
                s = [R.fma(P, factor, sum_) for factor, sum_ in zip(factors, s)]
            self.slopes[c] = s
        self.mean = [self.average(lambda s, n=n: s[n]) for n in range(5)]
        self.r = [self.average(lambda s: R.fma(s[3], s[1], R.mul(s[2], s[0]))),
                  self.average(lambda s: R.fma(s[4], s[1], R.mul(s[3], s[0])))]

    def average(self, term):
        return R.div(R.chain(0.0, ((m, term(self.slopes[c])) for c, m in self.counts.items())), float(self.samples))

    def batch(self, iteration):
        order = Stream(self.seed, ORDER, iteration, self.training_set, self.initialization, self.repeat)
        return [order.below(self.samples) for _ in range(self.batch_size)]

    def step(self, iteration, uses_batch, sigma, lambda1, lambda2):
        coordinates = iteration, self.training_set, self.initialization, self.repeat
        noise = Stream(self.seed, GRADIENT_NOISE, *coordinates)
        batch = [self.places[place] for place in self.batch(iteration)]
        B = [0.0] * 5
        for c in batch:
            B = [R.add(x, y) for x, y in zip(B, self.slopes[c])]
        B = [R.div(x, float(self.batch_size)) for x in B]
        n = [noise.normal(), noise.normal()]
        dx, dy, hxx, hxy, hyy = self.mean
        base = B[:2] if uses_batch else [R.fma(sigma, n_, d_) for n_, d_ in zip(n, (dx, dy))]
        u = [R.sub(self.r[0], R.fma(hxy, dy, R.mul(hxx, dx))), R.sub(self.r[1], R.fma(hyy, dy, R.mul(hxy, dx)))]
        ex, ey, exx, exy, eyy = [R.sub(x, y) for x, y in zip(B, self.mean)]
        t = [R.fma(exy, ey, R.mul(exx, ex)), R.fma(eyy, ey, R.mul(exy, ex))]
        direction = [R.fma(R.mul(2.0, lambda2), t_, R.fma(R.mul(2.0, lambda1), u_, b_)) for t_, u_, b_ in zip(t, u, base)]
        if R.convert(self.momentum) > 0:
            self.velocity = direction = [R.fma(R.convert(self.momentum), v_, d_) for v_, d_ in zip(self.velocity, direction)]
        moved = [R.fma(self.eta, d_, x) for d_, x in zip(direction, self.theta)]
        self.theta = [0.0 if x < 0 else 8.0 if x > 8 else x for x in moved]
        self.eta = R.mul(self.eta, self.learning_rate_decay)

    def sigma(self):
        if self.algorithm != "noisy-gd-matched":
            return self.noise_deviation if self.algorithm == "noisy-gd" else 0.0
        total = 0.0
        for iteration in range(self.epochs):
            self.evaluate()

            def square(s):
                x, y = R.sub(s[0], self.mean[0]), R.sub(s[1], self.mean[1])
                return R.fma(x, x, R.mul(y, y))

            total = R.add(total, self.average(square))
            self.step(iteration, True, 0.0, 0.0, 0.0)
        self.restart()
        return R.sqrt(R.div(R.div(R.div(total, float(self.epochs)), float(self.batch_size)), 2.0))

    def losses(self):
        F = [0.0] * self.candidates
        for c in range(self.candidates):
            for _, _, A, _, E in self.bumps(c):
                F[c] = R.fma(A, E, F[c])
        total = 0.0
        for value in F:
            total = R.add(total, value)
        train = R.div(R.chain(0.0, ((m, F[c]) for c, m in self.counts.items())), float(self.samples))
        return R.add(train, self.offset), R.add(R.div(total, float(self.candidates)), self.offset)

    def run(self):
        self.outcome, self.curve = "done", []
        sigma = self.sigma()
        self.path = [self.theta]
        for self.epoch in range(1, self.epochs + 1):
            self.evaluate()
            self.step(self.epoch - 1, self.algorithm == "sgd", sigma, self.lambda1, self.lambda2)
            if any(math.isnan(x) for x in self.theta):
                self.outcome = "diverged"
                return self
            self.path.append(self.theta)
            if self.has_point():
                self.curve.append((self.epoch, *self.losses()))
        return self

    def parameters(self):
        return self.theta

    # --- Landscape: series ----------------------------------------------------------------------------------------------------

    def point(self, theta):
        """What the page names at one θ."""
        self.theta, n, C = theta, float(self.samples), float(self.candidates)
        at, m = Point(), [self.counts.get(c, 0.0) for c in range(self.candidates)]
        F, at.g, h = [], [], []
        for c in range(self.candidates):
            value, slope, own = 0.0, [0.0, 0.0], [0.0, 0.0, 0.0]
            for x, y, A, S, E in self.bumps(c):
                P = R.mul(R.mul(A, E), S)
                value = R.fma(A, E, value)
                slope = [R.fma(-P, x, slope[0]), R.fma(-P, y, slope[1])]
                factors = [R.fma(R.mul(x, S), x, -1.0), R.mul(R.mul(x, S), y), R.fma(R.mul(y, S), y, -1.0)]
                own = [R.fma(P, factor, sum_) for factor, sum_ in zip(factors, own)]
            F.append(value), at.g.append(slope), h.append(own)

        def over_training(values):
            return R.div(R.chain(0.0, zip(m, values)), n)

        at.train = R.add(over_training(F), self.offset)
        at.test = R.add(R.div(total(F), C), self.offset)
        at.mean = [over_training(column) for column in zip(*at.g)]
        at.population = [R.div(total(column), C) for column in zip(*at.g)]
        at.H = Symmetric2([over_training(column) for column in zip(*h)])
        at.V, at.W = Symmetric2(), Symmetric2()
        for m_, g in zip(m, at.g):
            at.V.add_square(minus(g, at.mean), m_)
            at.W.add_square(minus(g, at.population), 1.0)
        at.V, at.W = at.V.divided(n), at.W.divided(C)
        return at

    def series(self):
        if self.record == "losses":
            return []
        points = [self.point(theta) for theta in self.path]
        path = [("x", [x for x, _ in self.path]), ("y", [y for _, y in self.path]),
                ("covariance_trace", [at.V.trace() for at in points])]
        if self.record == "trajectory":
            return path + self.map()
        if self.outcome == "diverged":
            return path
        AV = [Symmetric2() for _ in self.path]
        for place in range(self.samples):
            for candidate in range(self.candidates):
                other = copy.copy(self)
                other.train_on([candidate if i == place else c for i, c in enumerate(self.places)])
                other.run()
                other.path += [[math.nan] * 2] * (len(self.path) - len(other.path))
                for sum_, theta, own in zip(AV, other.path, self.path):
                    sum_.add_square(minus(theta, own), 1.0)
        AV = [sum_.divided(float(self.samples * self.candidates)) for sum_ in AV]
        theory = [("gap", [R.sub(at.test, at.train) for at in points]),
                  ("variability_trace", [at.H.contracted(sum_) for at, sum_ in zip(points, AV)]),
                  ("solution_variance", [sum_.trace() for sum_ in AV])]
        return path + theory + (self.sgd_series(points) if self.algorithm == "sgd" else [])

    def map(self):
        side = self.initializations_per_side
        column, row = divmod(self.initialization, side)
        spacing = R.div(8.0, float(8 * side))
        points = [self.point([R.mul(8 * column + u + 0.5, spacing), R.mul(8 * row + v + 0.5, spacing)])
                  for u in range(8) for v in range(8)]
        return [("map_population_loss", [at.test for at in points]), ("map_training_loss", [at.train for at in points]),
                ("map_gradient_norm", [R.sqrt(R.add(*(R.mul(x, x) for x in at.mean))) for at in points]),
                ("map_covariance_trace", [at.V.trace() for at in points])]

    def sgd_series(self, points):
        D, S, T, exact = (Symmetric2() for _ in range(4))
        estimates = [Symmetric2() for _ in BOOTSTRAP_COUNTS]
        first, second, eta, B = [0.0], [0.0], self.learning_rate, float(self.batch_size)
        for t in range(self.epochs):
            at, share = points[t], R.div(eta, B)
            for place in self.batch(t):
                D.add(at.W, R.mul(share, share))
                S.add_square(minus(at.g[self.places[place]], at.population), R.mul(share, share))
            passes = float(-(-(t + 1) * self.batch_size // self.samples))
            first.append(R.mul(passes, points[t + 1].H.contracted(D)))
            second.append(R.mul(passes, points[t + 1].H.contracted(S)))
            eta = R.mul(eta, self.learning_rate_decay)
            T.add(at.W, 1.0), exact.add(at.V, 1.0)
            stream = Stream(self.seed, BOOTSTRAP, t, self.training_set, self.initialization, self.repeat)
            for number in range(64):
                batch = [at.g[self.places[stream.below(self.samples)]] for _ in range(self.batch_size)]
                v = minus([R.div(total(column), B) for column in zip(*batch)], at.mean)
                for K, estimate in zip(BOOTSTRAP_COUNTS, estimates):
                    if number < K:
                        estimate.add_square(v, R.div(B, float(K)))
        return [("bound_population", first), ("bound_batch", second), *bootstrap_series(estimates, exact, T)]


class Point:
    """A θ of the landscape, with the page's names."""


class Symmetric2:
    """xx, xy and yy of a symmetric matrix of two rows."""

    def __init__(self, entries=(0.0, 0.0, 0.0)):
        self.entries = list(entries)

    def add_square(self, v, s):
        (x, y), sx, sy = v, R.mul(s, v[0]), R.mul(s, v[1])
        self.entries = [R.fma(p, q, entry) for p, q, entry in zip((sx, sx, sy), (x, y, y), self.entries)]

    def add(self, other, s):
        self.entries = [R.fma(s, x, entry) for x, entry in zip(other.entries, self.entries)]

    def divided(self, s):
        return Symmetric2([R.div(x, s) for x in self.entries])

    def contracted(self, other):
        (xx, xy, yy), (xx2, xy2, yy2) = self.entries, other.entries
        return R.fma(xx, xx2, R.fma(2 * xy, xy2, R.mul(yy, yy2)))

    def norm(self):
        return R.sqrt(self.contracted(self))

    def trace(self):
        return R.add(self.entries[0], self.entries[2])

    def minus(self, other):
        return Symmetric2(minus(self.entries, other.entries))


def minus(u, v):
    return [R.sub(x, y) for x, y in zip(u, v)]


def digest(words):
    return hashlib.sha256(struct.pack(f">{len(words)}Q", *words)).hexdigest()


# --- What is printed ----------------------------------------------------------------------------------------------------------


def hexadecimal(x):
    mantissa, _, exponent = x.hex().partition("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent if "." in mantissa else x.hex()


def worked_example():
    trial = Trial(dict(
        seed=2026, training_set=1, initialization=2, repeat=4, lambda1=0.01, lambda2=0.02, learning_rate=0.05, dimension=3, samples=2,
        nonzero=1, initialization_scale=0.5, epochs=2))
    trial.run()
    text = trial.canonical_text()
    lines = ["The trial:", *("  " + line for line in text.split("\n")), "", "Data, all but β rounded to float32:"]
    again = Trial({name: getattr(trial, name) for name in DEFAULTS})

    def show(name, values):
        lines.append(f"  {name:4} " + " ".join(f"{hexadecimal(x):>22}" for x in values))

    show("β", again.beta)
    for i, row in enumerate(again.X):
        show(f"X{i}", row)
    show("y", again.y), show("a", again.a), show("b", again.b)
    lines.append("Constants c₁ … c₇ and η:")
    show("", again.constants[:4]), show("", again.constants[4:])
    order = again.order(0)
    lines.append(f"First step of epoch 1, whose order is {order[0]} {order[1]}; a and b are those after it:")
    for name, values in again.step(order[:1]).items():
        show(name, values)
    lines.append("Losses at the end of each epoch (train, test):")
    for epoch, train, test in trial.curve:
        lines.append(f"  {epoch}    {hexadecimal(train)} = {train!r}    {hexadecimal(test)} = {test!r}")
    lines.append("At the end:")
    show("a", trial.a), show("b", trial.b)
    record = [f"{word:016x}" for word in trial.words()]
    lines.append("Record, digest and key:")
    lines += ["  " + " ".join(record[i : i + 5]) for i in range(0, len(record), 5)]
    return "\n".join([*lines, f"  digest {digest(trial.words())}", f"  key    {trial.key()}"])


def landscape_self_test():
    words = []
    for algorithm in ["sgd", "gd", "noisy-gd", "noisy-gd-matched"]:
        for strength in [0.0, 1 / 1024]:
            words += Landscape(dict(
                seed=2026, training_set=3, initialization=42, repeat=2, algorithm=algorithm, lambda1=strength,
                lambda2=strength if algorithm == "sgd" else 0.0, learning_rate=0.125, epochs=30)).run().words()
    words += Landscape(dict(
        seed=2026, training_set=3, initialization=42, repeat=2, momentum=0.75, learning_rate=0.125, epochs=30)).run().words()
    return digest(words)


def diagonal_network_self_test():
    words = []
    strengths = [(n / 256, n / 512, 0.0, 1 / 128) for n in range(18)] + [(0.0, 1e6, 0.0, 1.0), (1 / 64, 1 / 128, 0.75, 1 / 128)]
    for precision, batch_size in [("float32", 1), ("float32", 2), ("float64", 1), ("float64", 2)]:
        for lambda1, lambda2, momentum, learning_rate in strengths:
            words += Trial(dict(
                seed=2026, training_set=3, initialization=1, repeat=2, lambda1=lambda1, lambda2=lambda2, momentum=momentum,
                learning_rate=learning_rate, dimension=23, samples=14, nonzero=3, initialization_scale=0.25, epochs=12, batch_size=batch_size,
                precision=precision)).run().words()
    return digest(words)


def convolutional_network_self_test():
    words = []
    for strength in [0.0, 1 / 64]:
        words += problem("convolutional-network")(dict(
            seed=2026, initialization=1, repeat=2, lambda2=strength, learning_rate=0.125, samples=21, batch_size=7, epochs=2,
            pixels=2026, test_samples=5)).run().words()
    return digest(words)


def self_test():
    digests = []
    for name, of in [("diagonal-network", diagonal_network_self_test), ("landscape", landscape_self_test),
                     ("convolutional-network", convolutional_network_self_test)]:
        digests.append(of())
        print(f"{name:21} {digests[-1]}", flush=True)
    print(f"{'all':21} {hashlib.sha256(bytes.fromhex(''.join(digests))).hexdigest()}")


def problem(name):
    if name == "convolutional-network":
        # Here, so that all else needs nothing but Python's own library.
        from repeat_network import Network

        return Network
    return {"diagonal-network": Trial, "landscape": Landscape}[name]


def answer(line):
    given = dict(pair.split("=", 1) for pair in line.split())
    trial = problem(given.pop("problem", "diagonal-network"))(given).run()
    words = trial.words()
    losses = trial.curve[-1][1:] if trial.outcome == "done" else (math.nan, math.nan)
    return (f"key={trial.key()} digest={digest(words)} outcome={trial.outcome} epochs={trial.epoch} "
            f"train_loss={losses[0]!r} test_loss={losses[1]!r} record={','.join(f'{word:x}' for word in words)}")


if __name__ == "__main__":
    if sys.argv[1:] == ["--worked-example"]:
        print(worked_example())
    elif sys.argv[1:] == ["--self-test"]:
        self_test()
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        for line in sys.stdin:
            print(answer(line), flush=True)
