#!/bin/bash
# Application packages: what hostile.py makes is refused with the reason, and
# leaves nothing; what looks like it but is fine is unpacked.
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
command -v python3 >found || skip_all "python3 is not there"
unpack=$TEST_BUILDDIR/tests/unit/stage/unpack
mkdir corpus out
python3 "$tools/hostile.py" corpus >expected 2>errors || { cat errors; exit 99; }
cut -f1 expected >names
mapfile -t names <names
plan 9

umask 022
cd out || exit 99
limited 60 "$unpack" ../corpus "${names[@]}" >../got 2>../errors
is "$?" 0 "all archives are looked at"
cd ..

wrong=$(paste expected got | awk -F '\t' '
    $1 != $3 { print "no answer for " $1; next }
    $2 == "ok" ? $4 != "ok" : $4 == "ok" || $4 !~ $2 { print $1 ": " $4 }')
is "$wrong" "" "what is hostile is refused with the reason, what is not, not"
is "$(grep -c . got)" "$(grep -c . expected)" "each gets one line"

left=$(ls -A out | grep -v '^fine' )
is "$left" "" "nothing is left of those refused"
is "$(ls -A)" "$(printf '%s\n' corpus errors expected found got names out)" \
    "nothing is written elsewhere"

cd out || exit 99
is "$(find . -mindepth 1 -printf '%M\n' | sort | uniq -c | awk '{print $2}' | paste -sd' ')" \
    "-rw------- -rwx------ drwx------ lrwxrwxrwx" \
    "modes are the owner's, and nobody else's"
same=0
for f in ../corpus/fine*.tar*; do
    d=$(basename "$f")
    case $f in *.zst) continue ;; esac # it may not be there
    mkdir "../$d.tar"
    if tar -xf "$f" -C "../$d.tar" 2>../errors; then
        diff -r --no-dereference "$d.d" "../$d.tar" >>../differ && same=$((same + 1))
    fi
done
is "$same $(cat ../differ)" "11 " "what is unpacked is what tar unpacks"
is "$(stat -c '%h' fine-links.tar.d/bin) $(readlink fine-links.tar.d/lib64)" \
    "2 lib" "links stay links"
is "$(fine.zip.d/bin/run; fine.zip.d/l; echo $?)" 0 "programs run, by links too"
