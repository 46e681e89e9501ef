#!/usr/bin/python3
"""Write sweep_cases.h: values of designs as NumPy and SciPy compute them."""
import numpy as np
from scipy.special import ndtri
from scipy.stats import loguniform, qmc

COUNT = 1 << 20
INDICES = [0, 1, 2, 3, 4, 5, 7, 8, 100, 4095, 65536, 777777, COUNT - 1]


def unit(seed, stream, purpose, indices):
    bits = np.random.Philox(key=seed, counter=[0, stream, purpose, 0])
    return np.random.Generator(bits).random(COUNT)[indices]


def put(name, kind, rows):
    print(f"\nstatic const struct {kind} {name}[] = {{")
    for row in rows:
        print("    {" + ", ".join(row) + "},")
    print("};")


def number(v):
    return float(v).hex()


print("/* Written by sweep_cases.py with NumPy", np.__version__, "*/")
print("""#ifndef MPIBATCH_TESTS_SWEEP_CASES_H
#define MPIBATCH_TESTS_SWEEP_CASES_H

#include <stdint.h>

enum { CASES_COUNT = 1 << 20 };

struct drawn_case {
    uint64_t seed;
    uint32_t column, index;
    double u;
};

struct spaced_case {
    double from, to;
    uint32_t num, at;
    double value;
};

struct mapped_case {
    double u, value;
};""")

SEEDS = [0, 1, 42, 2**64 - 1]
put("random_cases", "drawn_case",
    [(f"UINT64_C({s})", str(p), str(i), number(u))
     for s in SEEDS for p in (0, 1, 31)
     for i, u in zip(INDICES, unit(s, p, 0, INDICES))])
put("jitter_cases", "drawn_case",
    [(f"UINT64_C({s})", str(p), str(i), number(u))
     for s in SEEDS for p in (0, 31)
     for i, u in zip(INDICES, unit(s, p, 1, INDICES))])
sobol = qmc.Sobol(32, scramble=False).random(COUNT)
put("sobol_cases", "drawn_case",
    [("0", str(p), str(i), number(sobol[i, p]))
     for p in (0, 1, 2, 6, 30, 31) for i in INDICES])
halton = qmc.Halton(32, scramble=False).random(COUNT)
put("halton_cases", "drawn_case",
    [("0", str(p), str(i), number(halton[i, p]))
     for p in (0, 1, 2, 6, 30, 31) for i in INDICES])

sobol_shifted, halton_shifted = [], []
for s in SEEDS:
    for p in (0, 5, 31):
        bits = np.random.Philox(key=s, counter=[0, p, 3, 0]).random_raw() >> 11
        shift = unit(s, p, 4, [0])[0]
        for i in INDICES:
            u = (int(sobol[i, p] * 2**53) ^ int(bits)) / 2**53
            sobol_shifted.append((f"UINT64_C({s})", str(p), str(i), number(u)))
            u = (halton[i, p] + shift) % 1
            halton_shifted.append((f"UINT64_C({s})", str(p), str(i), number(u)))
put("sobol_seeded_cases", "drawn_case", sobol_shifted)
put("halton_seeded_cases", "drawn_case", halton_shifted)

us = [0, 2**-53, 1e-9, 0.001, 0.0249, 0.07, 0.3, 0.5, 0.7, 0.99, 1 - 1e-12,
      1 - 2**-53]
put("normal_cases", "mapped_case",  # mean 2, standard deviation 3
    [(number(u), number(2 + 3 * ndtri(0.5 + (1 - 1e-10) * (u - 0.5))))
     for u in us])
put("log_uniform_cases", "mapped_case",  # from 1e-3 to 1e5
    [(number(u), number(loguniform.ppf(u, 1e-3, 1e5))) for u in us])

SPACES = [(0, 1, 11), (1, 10, 4), (-1, 1, 7), (0.1, 0.7, 5), (1e-300, 1, 3),
          (5, -5, 21), (2, 3, 1000), (1, 1000, 4), (3e-8, 7e9, 17)]
put("linspace_cases", "spaced_case",
    [(number(a), number(b), str(n), str(k), number(np.linspace(a, b, n)[k]))
     for a, b, n in SPACES for k in sorted({0, 1, n // 3, n // 2, n - 2, n - 1})])
put("logspace_cases", "spaced_case",
    [(number(a), number(b), str(n), str(k), number(np.geomspace(a, b, n)[k]))
     for a, b, n in [(1, 1000, 4), (0.1, 0.7, 5), (5, 1e-5, 21), (-1, -64, 7),
                     (3e-8, 7e9, 17), (1e-300, 1e300, 7)]
     for k in sorted({0, 1, n // 3, n // 2, n - 2, n - 1})])
print("\n#endif")
