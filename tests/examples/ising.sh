#!/bin/bash
# The Ising example against exact results: all 65536 states of a 4 x 4 lattice
# summed, Kaufman's partition function of finite periodic lattices, Onsager's
# magnetisation of the infinite one; that its errors are honest; its options.
# The random numbers are fixed: it passes always or never.
ising=${TEST_BUILDDIR:-.}/examples/ising/ising
count=0

ok() { # STATUS NAME: a TAP line
    count=$((count + 1))
    [ "$1" = 0 ] || printf 'not '
    echo "ok $count - $2"
}

# exact_enumeration T: m E chi C per site of the 4 x 4 lattice.
exact_enumeration() {
    awk -v t="$1" 'BEGIN {
        for (s = 0; s < 16; s++) {
            for (x = 0; x < 4; x++)
                spin[s, x] = int(s / 2 ^ x) % 2 * 2 - 1
            for (x = 0; x < 4; x++) {
                m_row[s] += spin[s, x]
                e_row[s] -= spin[s, x] * spin[s, (x + 1) % 4]
            }
        }
        for (s = 0; s < 16; s++)
            for (r = 0; r < 16; r++)
                for (x = 0; x < 4; x++)
                    e_rows[s, r] -= spin[s, x] * spin[r, x]
        for (a = 0; a < 16; a++) for (b = 0; b < 16; b++)
            for (c = 0; c < 16; c++) for (d = 0; d < 16; d++) {
                e = e_row[a] + e_row[b] + e_row[c] + e_row[d] + e_rows[a, b] \
                    + e_rows[b, c] + e_rows[c, d] + e_rows[d, a]
                m = m_row[a] + m_row[b] + m_row[c] + m_row[d]
                if (m < 0) m = -m
                w = exp(-(e + 32) / t)
                z += w; sm += w * m; sm2 += w * m * m
                se += w * e; se2 += w * e * e
            }
        m = sm / z; e = se / z
        printf "%.10g %.10g %.10g %.10g\n", m / 16, e / 16,
            (sm2 / z - m * m) / 16 / t, (se2 / z - e * e) / 16 / t ^ 2
    }'
}

# exact_kaufman L T: E and C per site of the L x L lattice, from
# B. Kaufman, Phys. Rev. 76, 1232 (1949), by numerical differentiation.
exact_kaufman() {
    awk -v L="$1" -v t="$2" '
        function cosh(x) { return (exp(x) + exp(-x)) / 2 }
        function tanh(x) { return 1 - 2 / (exp(2 * x) + 1) }
        function log_z(k,    c, r, g, odd, even, tanh_odd, tanh_even) {
            c = cosh(2 * k) / tanh(2 * k)
            tanh_odd = tanh_even = 1
            for (r = 0; r < 2 * L; r++) {
                g = c - cos(r * pi / L)
                g = r ? log(g + sqrt(g * g - 1)) : 2 * k + log(tanh(k))
                if (r % 2) {
                    odd += log(2 * cosh(L * g / 2))
                    tanh_odd *= tanh(L * g / 2)
                } else {
                    even += log(2 * cosh(L * g / 2))
                    tanh_even *= tanh(L * g / 2)
                }
            }
            return L * L / 2 * log(exp(2 * k) - exp(-2 * k)) + odd + \
                log(1 + tanh_odd + exp(even - odd) * (1 + tanh_even)) - log(2)
        }
        BEGIN {
            pi = atan2(0, -1); k = 1 / t; h = 1e-4; n = L * L
            a = log_z(k - h); b = log_z(k); c = log_z(k + h)
            printf "%.8g %.6g\n", (a - c) / (2 * h) / n,
                k ^ 2 * (a - 2 * b + c) / h ^ 2 / n
        }'
}

exact_onsager() { # T below 2.269: m of the infinite lattice
    awk -v t="$1" 'BEGIN {
        s = (exp(2 / t) - exp(-2 / t)) / 2; print (1 - s ^ -4) ^ 0.125 }'
}

# close_to NAMES EXACT < OUTPUT: is each named quantity within five of its own
# errors of the exact value, and the error small?
close_to() {
    awk -v names="$1" -v exact="$2" '
        { value[$1] = $3 }
        END {
            n = split(names, name); split(exact, x)
            for (i = 1; i <= n; i++) {
                v = value[name[i]]; e = value[name[i] "_error"]
                d = v - x[i]; if (d < 0) d = -d
                good = v != "" && e > 0 && e < 0.2 && d < 5 * e
                printf "# %s = %s +- %s, exact %s\n", name[i], v, e, x[i]
                if (!good) bad = 1
            }
            exit bad
        }'
}

if [ ! -x "$ising" ]; then
    echo "1..0 # SKIP no $ising"
    exit 0
fi

read -r _ e _ c < <(exact_enumeration 2.3)
read -r ke kc < <(exact_kaufman 4 2.3)
awk -v e="$e" -v c="$c" -v ke="$ke" -v kc="$kc" 'BEGIN {
    exit !((e - ke) ^ 2 < 1e-12 && (c - kc) ^ 2 < 1e-10) }'
ok $? "the exact results agree with each other: E $e $ke, C $c $kc"

for t in 1.5 2.3 4; do
    "$ising" --temperature $t --size 4 --sweeps 50000 |
        close_to "m E chi C" "$(exact_enumeration $t)"
    ok $? "4 x 4 at T = $t is the sum over all states"
done

for point in "16 2.0" "16 2.269185" "16 2.6" "32 2.1" "32 2.269185" "32 3.5"; do
    read -r size t <<<"$point"
    "$ising" --temperature "$t" --size "$size" --sweeps 40000 |
        close_to "E C" "$(exact_kaufman "$size" "$t")"
    ok $? "$size x $size at T = $t has Kaufman's energy and specific heat"
done

for t in 1.8 2.0 2.1; do
    "$ising" --temperature $t --size 64 --sweeps 10000 |
        close_to m "$(exact_onsager $t)"
    ok $? "64 x 64 at T = $t has Onsager's magnetisation"
done

"$ising" --temperature 2.269185 --size 64 --sweeps 20000 | awk '
    $1 == "E" { d = $3 + sqrt(2); print "# E + sqrt(2) =", d }
    END { exit !(d < 0.01 && d > -0.03) }'
ok $? "64 x 64 at the critical temperature: E is near -sqrt(2) - 0.6 / L"

# With errors that are honest, ((value - exact) / error)^2 is 1 on average.
for seed in $(seq 100); do
    "$ising" --temperature 2.6 --size 8 --sweeps 5000 --seed "$seed"
done | awk -v exact="$(exact_kaufman 8 2.6)" '
    $1 == "E" { e = $3 } $1 == "C" { c = $3 }
    $1 == "E_error" { split(exact, x); chi_e += ((e - x[1]) / $3) ^ 2 / 100 }
    $1 == "C_error" { chi_c += ((c - x[2]) / $3) ^ 2 / 100 }
    END {
        printf "# mean square deviation over error: E %.2f, C %.2f\n",
            chi_e, chi_c
        exit !(chi_e > 0.6 && chi_e < 1.6 && chi_c > 0.6 && chi_c < 1.6)
    }'
ok $? "its errors are as large as its deviations"

run() { "$ising" --temperature 2.3 --size 8 --sweeps 100 "$@"; }
[ "$(run --seed 5)" = "$(run --seed 5)" ]
ok $? "the same seed gives the same output"
[ "$(run --seed 5 | grep ^E)" != "$(run --seed 6 | grep ^E)" ]
ok $? "another seed gives another output"

"$ising" --help | grep -q "^Usage: ising"
ok $? "--help"
for bad in "" "--size 16" "--temperature 2" "--temperature 0 --size 16" \
    "--temperature nan --size 16" "--temperature 2x --size 16" \
    "--temperature 2 --size 15" "--temperature 2 --size 2" \
    "--temperature 2 --size -4" "--temperature 2 --size 4098" \
    "--temperature 2 --size 8 --sweeps 31" \
    "--temperature 2 --size 8 --sweeps 99999999999999999999" \
    "--temperature 2 --size 8 --seed" "--temperature 2 --size 8 9" "--what"; do
    # shellcheck disable=SC2086 # words are meant to be split
    output=$("$ising" $bad 2>/dev/null)
    [ $? = 2 ] && [ -z "$output" ]
    ok $? "exit code 2, nothing printed: ising $bad"
done
! run >/dev/full 2>/dev/null
ok $? "a full disk is an error"

echo "1..$count"
