#!/bin/bash
# The recipes of Debian, Spack and EasyBuild, the citation and the change log
# against configure.ac, which has the version, the addresses and the libraries;
# and the tarball against the repository. Spack and EasyBuild themselves are
# not here: their recipes are executed with a stand-in for what they import.
. "$TEST_SRCDIR/tests/lib.sh"
for python in python3 /usr/bin/python3 none; do
    "$python" -c 'import yaml' 2>/dev/null && break
done
[ "$python" != none ] || skip_all "no Python with PyYAML"
plan 13
# a make of its own, not the one that runs the tests
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
recipes() { "$python" "$TEST_SRCDIR/tests/packaging/recipes.py" "$@"; }

ok "one version everywhere" recipes version "$TEST_SRCDIR"
like "$("$MPIBATCH" --version)" " $(sed -n 's/^version: //p' "$TEST_SRCDIR/CITATION.cff")" "and the program's"
ok "one address, one home page" recipes address "$TEST_SRCDIR"
ok "one licence" recipes licence "$TEST_SRCDIR"
ok "Debian: what configure looks for, quickstart installs, doc/install.md says" recipes debian "$TEST_SRCDIR"
ok "Spack: what configure looks for" recipes spack "$TEST_SRCDIR"
ok "EasyBuild: what configure looks for" recipes easybuild "$TEST_SRCDIR"
ok "README and CONTRIBUTING point to what is there" recipes documents "$TEST_SRCDIR"
ok "CITATION.cff is one" recipes citation "$TEST_SRCDIR"

# a library that configure looks for and a recipe has forgotten is found
mkdir less less/debian
cp -r "$TEST_SRCDIR"/{README.md,configure.ac,doc,m4,quickstart,packaging} less
grep -v libjansson "$TEST_SRCDIR/debian/control" >less/debian/control
like "$(recipes debian less)" "libjansson-dev" "what a recipe lacks is found"

ok "make install" make -C "$TEST_BUILDDIR" install DESTDIR="$PWD/stage"
prefix=$(sed -n 's/^prefix = //p' "$TEST_BUILDDIR/Makefile")
ok "EasyBuild's sanity check" recipes installed "$TEST_SRCDIR" "stage$prefix"

# in the tarball: what git has, but what only git needs
if git -C "$TEST_SRCDIR" ls-files >tracked 2>/dev/null && [ -s tracked ]; then
    make -C "$TEST_BUILDDIR" distdir distdir="$PWD/dist" >make.out 2>&1
    missing=$(grep -v -e '\.gitignore$' tracked |
        while read -r file; do [ -e "dist/$file" ] || echo "$file"; done)
    is "$missing" "" "the tarball has every file of the repository"
else skip 1 "not a clone"; fi
