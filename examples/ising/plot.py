#!/usr/bin/env python3
"""Magnetisation over temperature from ising.run/results.h5, into ising.png."""
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

m = xr.open_dataset("ising.run/results.h5").magnetisation
for L in m.L.values:
    of_seeds = m.sel(L=L)
    plt.errorbar(m.temperature, of_seeds.mean("seed"), of_seeds.std("seed"),
                 fmt="o", ms=4, capsize=2, label=f"{L} x {L}")
T = np.linspace(m.temperature.min().item(), m.temperature.max().item(), 5000)
plt.plot(T, np.maximum(0, 1 - np.sinh(2 / T) ** -4) ** (1 / 8), "k",
         label="infinite lattice, exact (Onsager)")
plt.xlabel("temperature, J/k$_B$")
plt.ylabel("magnetisation per site")
plt.legend()
plt.savefig("ising.png", dpi=90)
