#!/bin/sh
# A task to be killed at: task.sh INDEX MILLISECONDS LOG. Notes in LOG that it
# has started ("S INDEX") and, at its very end, that it is done ("E INDEX").
# What it prints depends on INDEX alone: a metric, an output that is packed or
# (each 16th) too large for that, text on stderr; each 7th fails. Each fifth
# leaves a process behind that has escaped its session.
index=$1
echo "S $index" >>"$3"
echo "energy = -$index.5e-3"
seq "$index" $((index + 50))
[ $((index % 16)) != 8 ] || seq 30000
echo "warning $index" >&2
[ $((index % 5)) != 3 ] || { setsid sleep 300 </dev/null >/dev/null 2>&1 & }
sleep "$(printf '0.%03d' "$2")"
echo "E $index" >>"$3"
[ $((index % 7)) != 6 ] || exit 3
