#!/bin/bash
# The layers as build-aux/layers.txt has them: what includes what, which object
# refers to whose symbols, which names are free; and that each file opens with
# a comment and is formatted.
: "${TEST_SRCDIR:=$(cd "$(dirname "$0")/.." && pwd)}" "${TEST_BUILDDIR:=$TEST_SRCDIR}"
: "${MPIBATCH:=none}"
export MPIBATCH TEST_SRCDIR
# shellcheck source=tests/lib.sh
. "$TEST_SRCDIR/tests/lib.sh"
table=$TEST_SRCDIR/build-aux/layers.txt

# none WHAT COMMAND: it prints nothing; else that is what is wrong
none() {
    local wrong
    wrong=$("$2" 2>&1)
    [ -z "$wrong" ]
    result "$1" $? || note "$wrong"
}

# The table as awk arrays: may[folder, folder], order[folder], owner[header]
# (globs), prefix[header] of a library's symbols.
rules='
function glob(path, patterns,    list, n, i, re) {
    n = split(patterns, list, " ")
    for (i = 1; i <= n; i++) {
        re = list[i]
        gsub(/\./, "[.]", re)
        gsub(/\*/, ".*", re)
        if (path ~ "^" re "$") return 1
    }
    return 0
}
# The listed header that stands for header (hwloc.h for hwloc/helper.h), or "".
function family(header,    h, stem, best) {
    for (h in owner) {
        stem = h
        sub(/[\/.].*/, "", stem)
        if (h == header) return h
        if (header ~ "^" stem "([^a-z]|$)") best = h
    }
    return best
}
function may_use(from, to) {
    return from == to || may[from, "*"] || may[from, to]
}
FNR == NR {
    if (/^#/ || !NF) next
    name = $1
    sub(/:$/, "", name)
    if (name ~ /\.h$/) {
        for (i = 2; i <= NF; i++) owner[name] = owner[name] " " $i
        next
    }
    order[name] = ++layers
    for (i = 2; i <= NF; i++) {
        may[name, $i] = 1
        if ($i != "*" && !($i in order)) print "layers.txt: " name " uses " $i ", which is not above it"
    }
    next
}'

# includes: FILE HEADER a line, the file from src/, the header in its quotes
includes() {
    (cd "$TEST_SRCDIR/src" && find . -name '*.[ch]' -print0 | sort -z |
        xargs -0 grep -nE '^[[:space:]]*#[[:space:]]*include') |
        sed -E 's/^\.\/([^:]*):[0-9]+:[^<"]*([<"][^>"]*[>"]).*/\1 \2/'
}

crossings() {
    includes | awk "$rules"'
    {
        folder = $1; sub(/\/.*/, "", folder)
        if (!(folder in order)) { if (!told[folder]++) print "src/" folder " is in no layer"; next }
        header = substr($2, 2, length($2) - 2)
        if ($2 ~ /^</) {
            f = family(header)
            if (f && !glob($1, owner[f])) print $1 " includes <" header ">"
            next
        }
        if (header == "config.h") next
        to = header
        if (!sub(/\/.*/, "", to)) print $1 ": \"" header "\" is not written from src/"
        else if (!may_use(folder, to)) print $1 " includes " $2
    }' "$table" -
}

# What the files of a module share is not for other layers.
borrowed_parts() {
    includes | awk '$2 ~ /_parts\.h"$/ {
        from = $1; to = substr($2, 2)
        sub(/\/.*/, "", from); sub(/\/.*/, "", to)
        if (from != to) print $1 " includes " $2
    }'
}

files() { # all C files of ours, with a NUL behind each
    (cd "$TEST_SRCDIR" && find src tests examples -name '*.[ch]' -print0 | sort -z)
}

uncommented() {
    files | (cd "$TEST_SRCDIR" && xargs -0 awk 'FNR == 1 && !/^\/\*/ { print FILENAME }')
}

# symbols: ARCHIVE OBJECT TYPE NAME a line, of all that are built; an object as
# its source (comm/comm_mpi.c)
symbols() {
    local archive folder
    for archive in "$TEST_BUILDDIR"/src/*/lib*.a; do
        folder=$(basename "$(dirname "$archive")")
        nm -A -P -g "$archive" 2>/dev/null |
            sed -E "s/^[^[]*\[(lib[a-z0-9]+_a-)?([^]]*)\.o\]: ([^ ]+) ([A-Za-z]).*/$folder $folder\/\2.c \4 \3/"
    done
}

# Names that libraries or the C language have for themselves. The sanitizers'
# and gcov's own are the compiler's.
taken_names() {
    awk '$3 != "U" && $4 ~ /^(MPI|H5|yaml|hwloc|event|opal|pmix|_)/ &&
        $4 !~ /^_+(asan|odr_asan|ubsan|sanitizer|sancov|gcov|llvm|start_|stop_|prof)/ {
        print $2 " defines " $4
    }' symbols
}

defined_twice() {
    awk '$3 ~ /[TDBRC]/ { if (($4 in by) && by[$4] != $2) print $4 ": " by[$4] " and " $2; by[$4] = $2 }' symbols
}

# Symbols of libraries and layers that an object has no right to.
strangers() {
    awk "$rules"'
    BEGIN {
        prefix["mpi.h"] = "^(MPIX?|ompi)_"; prefix["hdf5.h"] = "^H5"
        prefix["yaml.h"] = "^yaml_"; prefix["hwloc.h"] = "^hwloc_"
        prefix["pcre2.h"] = "^pcre2_"; prefix["jansson.h"] = "^json_"
        prefix["roaring/roaring.h"] = "^(roaring|ra)_"
        prefix["archive.h"] = "^archive_"; prefix["zlib.h"] = "^inflate"
        prefix["curl/curl.h"] = "^curl_"
        prefix["xxhash.h"] = "^XXH"; prefix["nettle/sha2.h"] = "^nettle_"
    }
    FILENAME == "defined" { home[$4] = $1; next }
    $3 != "U" { next }
    ($4 in home) { if (!may_use($1, home[$4])) print $2 " refers to " $4 " of " home[$4]; next }
    $1 != "cli" && $4 ~ /^(exit|abort|quick_exit)$/ { print $2 " calls " $4; next }
    {
        for (h in prefix)
            if ($4 ~ prefix[h] && !glob($2, owner[h])) print $2 " refers to " $4
    }' "$table" defined symbols
}

formatted() {
    files | (cd "$TEST_SRCDIR" && xargs -0 clang-format --dry-run -Werror 2>&1) |
        sed -nE 's/^([^:]+):[0-9]+:[0-9]+: error.*/\1/p' | uniq -c
}

plan 7
none 'includes stay within layers.txt' crossings
none 'what parts of a module share stays in its folder' borrowed_parts
none 'each C file opens with a comment' uncommented
if compgen -G "$TEST_BUILDDIR/src/*/lib*.a" >archives; then
    symbols >symbols
    awk '$3 != "U" && $3 != "w"' symbols >defined
    none 'no global name is one of a library' taken_names
    none 'no global name is defined twice' defined_twice
    none 'symbols stay within layers.txt' strangers
else
    for what in names twice strangers; do
        result "$what # SKIP no archive is built" 0
    done
fi
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
    none 'clang-format has nothing to change' formatted
else
    result 'clang-format # SKIP no clang-format 14' 0
fi
[ "$tap_failed" = 0 ]
