/* ising: the two-dimensional Ising model by the Metropolis algorithm.
 *
 * An L x L lattice of spins +1 and -1, periodic in both directions, with
 * energy -(sum of s_i s_j over bonds): J = 1, k_B = 1, no field. It starts
 * ordered, since from a random start large lattices stay for long in stripes.
 * A sweep tries each site once, first one colour of the checkerboard, then the
 * other: sites of one colour share no bond, so their order does not matter,
 * and each trial alone obeys detailed balance.
 *
 * Per-site averages and their errors go to stdout, a "name = value" line each.
 * The errors are jackknife errors over BINS bins; they are right as long as a
 * bin is longer than the correlation time, which close to the critical
 * temperature grows as L^2.17 sweeps.
 *
 * The same options give the same output.
 */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BINS = 32, L_MIN = 4, L_MAX = 4096 };
static const uint64_t SWEEPS_MAX = UINT64_C(1000000000);
static const double TEMPERATURE_MIN = 1e-3, TEMPERATURE_MAX = 1e6;

/* ---- Random numbers: xoshiro256**, seeded by splitmix64 ---- */

struct rng {
    uint64_t s[4];
};

static void rng_init(struct rng *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        uint64_t z = seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        r->s[i] = z ^ (z >> 31);
    }
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

static uint64_t rng_next(struct rng *r)
{
    uint64_t *s = r->s, result = rotate_left(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* ---- The lattice ---- */

struct lattice {
    uint32_t size;
    int8_t *spin;          /* size rows of size spins */
    int64_t energy;        /* of the whole lattice, kept up to date */
    int64_t magnetisation; /* likewise */
    uint64_t accept[2];    /* an energy cost of 4 or 8 is accepted if a random
                              number is below: exp(-cost / T) * 2^64 */
    struct rng rng;
};

static bool lattice_init(struct lattice *l, uint32_t size, double temperature,
                         uint64_t seed)
{
    size_t sites = (size_t)size * size;

    l->spin = malloc(sites);
    if (!l->spin)
        return false;
    memset(l->spin, 1, sites);
    l->size = size;
    l->energy = -2 * (int64_t)sites;
    l->magnetisation = (int64_t)sites;
    l->accept[0] = (uint64_t)ldexp(exp(-4 / temperature), 64);
    l->accept[1] = (uint64_t)ldexp(exp(-8 / temperature), 64);
    rng_init(&l->rng, seed);
    return true;
}

/* Try the sites of one colour in row y. */
static void lattice_update_row(struct lattice *l, uint32_t y, uint32_t colour)
{
    uint32_t n = l->size;
    int8_t *row = l->spin + (size_t)y * n;
    const int8_t *above = l->spin + (size_t)(y > 0 ? y - 1 : n - 1) * n;
    const int8_t *below = l->spin + (size_t)(y + 1 < n ? y + 1 : 0) * n;

    for (uint32_t x = (y + colour) & 1; x < n; x += 2) {
        int left = row[x > 0 ? x - 1 : n - 1];
        int right = row[x + 1 < n ? x + 1 : 0];
        int half_cost = row[x] * (left + right + above[x] + below[x]);

        if (half_cost > 0 && rng_next(&l->rng) >= l->accept[half_cost / 2 - 1])
            continue;
        row[x] = (int8_t)-row[x];
        l->energy += 2 * half_cost;
        l->magnetisation += 2 * row[x];
    }
}

static void lattice_sweep(struct lattice *l)
{
    for (uint32_t colour = 0; colour < 2; colour++)
        for (uint32_t y = 0; y < l->size; y++)
            lattice_update_row(l, y, colour);
}

/* ---- Averages and their errors ---- */

struct sums {
    double count, m, m2, e, e2;
};

enum { MAGNETISATION, ENERGY, SUSCEPTIBILITY, SPECIFIC_HEAT, QUANTITIES };
static const char *const names[QUANTITIES] = {"m", "E", "chi", "C"};

static void sums_measure(struct sums *s, const struct lattice *l)
{
    double sites = (double)l->size * l->size;
    double m = fabs((double)l->magnetisation) / sites;
    double e = (double)l->energy / sites;

    s->count += 1;
    s->m += m;
    s->m2 += m * m;
    s->e += e;
    s->e2 += e * e;
}

/* a += sign * b */
static void sums_add(struct sums *a, const struct sums *b, double sign)
{
    a->count += sign * b->count;
    a->m += sign * b->m;
    a->m2 += sign * b->m2;
    a->e += sign * b->e;
    a->e2 += sign * b->e2;
}

static void sums_evaluate(const struct sums *s, double sites, double t,
                          double value[QUANTITIES])
{
    double m = s->m / s->count, e = s->e / s->count;

    value[MAGNETISATION] = m;
    value[ENERGY] = e;
    value[SUSCEPTIBILITY] = sites * (s->m2 / s->count - m * m) / t;
    value[SPECIFIC_HEAT] = sites * (s->e2 / s->count - e * e) / (t * t);
}

/* Print each quantity from all bins, and its error from how it changes when
 * one bin is left out. */
static void bins_report(const struct sums bins[BINS], double sites, double t)
{
    struct sums all = {0};
    double value[QUANTITIES], without[BINS][QUANTITIES];

    for (int b = 0; b < BINS; b++)
        sums_add(&all, &bins[b], 1);
    sums_evaluate(&all, sites, t, value);
    for (int b = 0; b < BINS; b++) {
        struct sums rest = all;

        sums_add(&rest, &bins[b], -1);
        sums_evaluate(&rest, sites, t, without[b]);
    }
    for (int q = 0; q < QUANTITIES; q++) {
        double mean = 0, variance = 0;

        for (int b = 0; b < BINS; b++)
            mean += without[b][q] / BINS;
        for (int b = 0; b < BINS; b++)
            variance += (without[b][q] - mean) * (without[b][q] - mean);
        printf("%s = %.8g\n%s_error = %.3g\n", names[q], value[q], names[q],
               sqrt(variance * (BINS - 1) / BINS));
    }
}

/* ---- Options ---- */

struct options {
    double temperature;
    uint64_t size, seed, sweeps, warmup;
};

static const char usage[] =
    "Usage: ising --temperature T --size L [--seed N] [--sweeps N]"
    " [--warmup N]\n"
    "The two-dimensional Ising model by the Metropolis algorithm.\n"
    "\n"
    "  --temperature T  in units of J/k_B, from 0.001 to 1000000\n"
    "  --size L         the lattice is L x L; even, from 4 to 4096\n"
    "  --seed N         of the random numbers (1)\n"
    "  --sweeps N       measured sweeps, from 32 to 1000000000 (10000)\n"
    "  --warmup N       sweeps before them (a fifth of --sweeps)\n"
    "  --help           this text\n"
    "\n"
    "Prints per site: m = <|m|>, E (energy), chi (susceptibility),\n"
    "C (specific heat), each with its error. Exit code 2: wrong options.\n";

static bool parse_integer(const char *name, const char *text, uint64_t min,
                          uint64_t max, uint64_t *out)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);

    /* strtoull takes "-1" and " 1"; too large a number is UINT64_MAX */
    if (*text < '0' || *text > '9' || *end || value < min || value > max) {
        fprintf(stderr,
                "ising: --%s: \"%s\" is not a whole number from %" PRIu64
                " to %" PRIu64 "\n",
                name, text, min, max);
        return false;
    }
    *out = value;
    return true;
}

static bool parse_temperature(const char *text, double *out)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end ||
        !(value >= TEMPERATURE_MIN && value <= TEMPERATURE_MAX)) {
        fprintf(stderr,
                "ising: --temperature: \"%s\" is not a number from %g to"
                " %g\n",
                text, TEMPERATURE_MIN, TEMPERATURE_MAX);
        return false;
    }
    *out = value;
    return true;
}

static bool option_set(struct options *o, int option, const char *text)
{
    switch (option) {
    case 't':
        return parse_temperature(text, &o->temperature);
    case 'l':
        if (!parse_integer("size", text, L_MIN, L_MAX, &o->size))
            return false;
        if (o->size % 2 == 0)
            return true;
        fprintf(stderr,
                "ising: --size: %s is odd: a checkerboard with"
                " periodic boundaries has an even size\n",
                text);
        return false;
    case 's':
        return parse_integer("seed", text, 0, UINT64_MAX - 1, &o->seed);
    case 'n':
        return parse_integer("sweeps", text, BINS, SWEEPS_MAX, &o->sweeps);
    case 'w':
        return parse_integer("warmup", text, 0, SWEEPS_MAX, &o->warmup);
    default:
        return false; /* getopt has said what is wrong */
    }
}

/* The exit code, once all is printed. */
static int output_end(void)
{
    if (!fflush(stdout) && !ferror(stdout))
        return 0;
    perror("ising: cannot write to stdout");
    return 1;
}

/* -1: run with *o; else the exit code. */
static int options_parse(struct options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"temperature", required_argument, NULL, 't'},
        {"size", required_argument, NULL, 'l'},
        {"seed", required_argument, NULL, 's'},
        {"sweeps", required_argument, NULL, 'n'},
        {"warmup", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    *o = (struct options){.seed = 1, .sweeps = 10000, .warmup = UINT64_MAX};
    while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (option == 'h') {
            fputs(usage, stdout);
            return output_end();
        }
        if (!option_set(o, option, optarg))
            return 2;
    }
    if (optind < argc) {
        fprintf(stderr, "ising: unexpected argument \"%s\"\n", argv[optind]);
        return 2;
    }
    if (o->temperature == 0 || o->size == 0) {
        fputs("ising: --temperature and --size are needed; see --help\n",
              stderr);
        return 2;
    }
    if (o->warmup == UINT64_MAX)
        o->warmup = o->sweeps / 5;
    return -1;
}

int main(int argc, char **argv)
{
    struct options o;
    struct lattice l;
    struct sums bins[BINS] = {{0}};
    int code = options_parse(&o, argc, argv);

    if (code >= 0)
        return code;
    if (!lattice_init(&l, (uint32_t)o.size, o.temperature, o.seed)) {
        fputs("ising: out of memory\n", stderr);
        return 1;
    }
    for (uint64_t i = 0; i < o.warmup; i++)
        lattice_sweep(&l);
    for (uint64_t i = 0; i < o.sweeps; i++) {
        lattice_sweep(&l);
        sums_measure(&bins[i * BINS / o.sweeps], &l);
    }
    printf("T = %.8g\nL = %" PRIu64 "\nseed = %" PRIu64 "\nsweeps = %" PRIu64
           "\n",
           o.temperature, o.size, o.seed, o.sweeps);
    bins_report(bins, (double)o.size * (double)o.size, o.temperature);
    free(l.spin);
    return output_end();
}
