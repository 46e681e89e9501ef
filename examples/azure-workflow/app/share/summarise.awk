# Of thresholds and the measurements of a station: month,mean to summary.csv,
# the warmest day to warmest.txt, the rest to stdout.
FNR == 1 { next }                             # headers
NR == FNR { limit[$1] = $2; next }            # the first file: thresholds
{
    sum[$1] += $3; count[$1]++; total += $3; n++
    if (n == 1 || $3 > most) { most = $3; when = $1 "-" $2 }
    frost += $3 < limit["frost"]
    summer += $3 >= limit["summer"]
}
END {
    if (n == 0) { print "no measurements" >"/dev/stderr"; exit 1 }
    print "month", "mean" >"summary.csv"
    for (m = 1; m <= 12; m++)
        if (count[m]) printf "%d,%.2f\n", m, sum[m] / count[m] >"summary.csv"
    print when, most >"warmest.txt"
    printf "measurements: %d\nmean: %.2f\nfrost: %d\nsummer: %d\n", n, total / n, frost, summer
}
