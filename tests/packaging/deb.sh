#!/bin/bash
# The Debian package: built from the tarball as Debian builds it, clean to
# lintian, installed in a minimal system of its own, and used there by an
# ordinary user. That system has only what apt resolves from the package's own
# Depends (no compiler, no -dev package, no Python of ours); it comes fresh from
# Debian's mirror. Beside it a `make install`, for the modulefiles.
. "$TEST_SRCDIR/tests/lib.sh"
for tool in dpkg-buildpackage dh lintian mmdebstrap unshare; do
    command -v "$tool" >/dev/null || skip_all "no $tool"
done
[ "$(id -u)" = 0 ] || skip_all "not root: no system of our own"
unshare --mount --pid --fork true 2>/dev/null || skip_all "no mounts of our own"
plan 30
# a make of its own, not the one that runs the tests
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES

version=$(sed -n 's/^version: //p' "$TEST_SRCDIR/CITATION.cff")
root=$scratch/root
clean_root=$TEST_SRCDIR/tests/packaging/clean-root
trap 'rm -rf "$root"; tap_end' EXIT
as_root() { limited 300 "$clean_root" run "$root" "$@"; }
as_user() { limited 120 "$clean_root" user "$root" "$@"; }

# ---- the package, and meanwhile the system ----

"$clean_root" create "$root" man-db bash-completion fish zsh >root.out 2>&1 &
creating=$!
rm -rf "$TEST_BUILDDIR/deb"
ok "make deb" make -C "$TEST_BUILDDIR" deb
deb=$(echo "$TEST_BUILDDIR/deb/mpibatch_${version}_"*.deb)
is "$(dpkg-deb -f "$deb" Package Version)" "Package: mpibatch
Version: $version" "one package of this version"
like "$(dpkg-deb -f "$deb" Depends)" 'libopenmpi.*openmpi-bin|openmpi-bin.*libopenmpi' "it depends on what it needs"
is "$(TMPDIR=$scratch lintian --allow-root --display-info --fail-on none "$TEST_BUILDDIR"/deb/*.changes 2>&1)" "" "lintian has nothing to say"
wait "$creating"
created=$?
if [ "$created" != 0 ] && grep -q -e 'Could not resolve' -e 'Failed to fetch' -e 'Could not connect' root.out; then
    skip $((tap_plan - tap_count)) "Debian's mirror cannot be reached"
    exit 0
fi
result "a minimal system" "$created" || { note "$(tail -n 20 root.out)"; exit 1; }

# ---- installed ----

cp "$deb" "$root/tmp/mpibatch.deb"
ok "apt installs it, with what it depends on" as_root apt-get -q -y --no-install-recommends install /tmp/mpibatch.deb
is "$(as_root sh -c 'command -v cc gcc python3; dpkg-query -W -f="\${db:Status-Status} \${Package}\n" "*-dev" | grep "^installed"; echo that is all')" "that is all" "no compiler, no -dev package is there"
is "$(as_root sh -c 'dpkg --verify mpibatch && dpkg-query -W -f "\${db:Status-Status}" mpibatch' 2>&1)" "installed" "all files are as packaged"
like "$(as_user mpibatch --version)" "^mpibatch $version" "the program runs"
like "$(as_user ldd /usr/bin/mpibatch | grep -c -e 'libmpi.* => /' -e 'not found')" "^1$" "all libraries are found"

# ---- documents ----

# what `mpibatch --help` lists, one a line
commands() { as_user mpibatch --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p'; }
# the manual pages of the package: NAME.SECTION
pages() { dpkg-deb -c "$deb" | sed -n 's,.*/share/man/man[0-9]/\(.*\)\.gz$,\1,p' | sort; }
pages >pages
wanted=$(commands | sed "s,.*,mpibatch-&.1," | cat - <(printf "%s\n" mpibatch.1 mpibatch-jobspec.5 mpibatch-results.5) | sort)
is "$(cat pages)" "$wanted" "a manual page for the program, each command, the two formats"
wrong=$(while IFS=. read -r name section; do
    as_user man -w "$section" "$name" >/dev/null || echo "$name($section)"
    as_user man --warnings "$section" "$name" 2>&1 >page
    grep -q '^NAME' page || echo "$name($section): no NAME"
done <pages 2>&1)
is "$wrong" "" "man finds and shows them, without a warning"
like "$(as_user man -k mpibatch 2>&1)" "mpibatch-jobspec" "man -k finds them"

# ---- completion: does each shell find it by itself? ----

cat >"$root/tmp/complete.bash" <<'EOF'
. /usr/share/bash-completion/bash_completion
_comp_load mpibatch 2>/dev/null || _completion_loader mpibatch
COMP_WORDS=(mpibatch val) COMP_CWORD=1
$(complete -p mpibatch | sed 's/.*-F \([^ ]*\) .*/\1/')
echo "${COMPREPLY[@]}"
EOF
is "$(as_user bash /tmp/complete.bash 2>&1)" validate "bash completes"
is "$(as_user fish -c 'complete -C "mpibatch val"' 2>&1 | cut -f 1)" validate "fish completes"
# shellcheck disable=SC2016
is "$(as_user zsh -f -c 'autoload -U compinit && compinit -D && echo $_comps[mpibatch] && autoload +X _mpibatch && echo loaded' 2>&1 | xargs)" \
    "_mpibatch loaded" "zsh finds its completion"

# ---- used ----

cat >"$root/tmp/use" <<'EOF'
# use STEP: what a first user does, in /home/user
set -eu
case $1 in
ising) # a few of its tasks, with its program
    mpibatch example ising >&2
    cd ising
    mpirun --oversubscribe -n 2 mpibatch run --limit 6 ising.yaml >&2 || test $? = 3
    mpibatch tasks --state succeeded --format ids ising.run | wc -l
    ;;
jobspecs)
    mpibatch example jobspecs >&2
    cd jobspecs
    for spec in *.yaml; do mpibatch validate "$spec" >&2; done
    mpibatch launch -n 2 grid.yaml
    ;;
init)
    mpibatch init >&2
    mpibatch validate sweep.yaml
    ;;
esac
EOF
like "$(as_user mpibatch example | tr -s "\n " " ")" "^azure-workflow .* ising .* povray .* jobspecs " "the examples are there"
is "$(as_user bash /tmp/use ising 2>use.err)" 6 "the Ising example runs under mpirun" || note "$(<use.err)"
like "$(as_user bash /tmp/use jobspecs 2>&1)" " succeeded, 0 failed" "all job specs are valid; one is launched"
ok "a spec from init is valid" as_user bash /tmp/use init

mkdir "$root/tmp/debian-tests"
cp "$TEST_SRCDIR/debian/tests/sweep" "$root/tmp/debian-tests"
ok "a sweep, alone and under mpirun" as_user /tmp/debian-tests/sweep
like "$(cat ok.out)" "6 tasks, alone and under mpirun: all succeeded" "and says so"
ok "the schema is JSON" jq -e '."$schema"' "$root/usr/share/mpibatch/jobspec.schema.json"

# ---- modulefiles ----

# The program once more, under the prefix of this build, to be found only by
# its module: PATH is the system's own, without /usr/local.
prefix=$(sed -n 's/^prefix = //p' "$TEST_BUILDDIR/Makefile")
cat >"$root/tmp/module" <<'EOF'
# module INIT MODULEFILES: load, use and unload the module; what comes of it
. "$1"
module use "$2"
export PATH=/usr/bin:/bin
module load mpibatch
command -v mpibatch
mpibatch --version
man -w mpibatch-jobspec
man -w bash | sed 's/bash.*//'
module help mpibatch 2>&1 | grep -o 'mpibatch [0-9.]* runs'
module unload mpibatch
command -v mpibatch
man -w mpibatch-jobspec | sed 's/\.gz$//'
EOF
# with the module it is that of the prefix, without it the package's
loaded="$prefix/bin/mpibatch
mpibatch $version
$prefix/share/man/man5/mpibatch-jobspec.5
/usr/share/man/man1/
mpibatch $version runs
/usr/bin/mpibatch
/usr/share/man/man5/mpibatch-jobspec.5"
modulefiles=$prefix/share/mpibatch/modulefiles
ok "make install" make -C "$TEST_BUILDDIR" install DESTDIR="$root"
ok "apt installs Environment Modules" as_root apt-get -q -y --no-install-recommends install environment-modules
is "$(as_user bash /tmp/module /usr/share/modules/init/bash "$modulefiles" 2>&1)" "$loaded" "Environment Modules load it"
ok "apt installs Lmod" as_root apt-get -q -y --no-install-recommends install lmod
is "$(as_user bash -c '. /etc/profile.d/lmod.sh; . /tmp/module "$@"' lmod /usr/share/lmod/lmod/init/bash "$modulefiles" 2>&1)" "$loaded" "Lmod loads it"

# ---- gone ----

ok "apt removes it" as_root apt-get -q -y purge mpibatch
is "$(as_root sh -c 'find /usr/bin /usr/share /etc -path /usr/share/modules -prune -o -name "*mpibatch*" -print; dpkg-query -W mpibatch 2>&1')" "dpkg-query: no packages found matching mpibatch" "nothing of it is left"
