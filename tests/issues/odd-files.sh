#!/bin/bash
# Resource files that would be one file, links that are returned, files whose
# names look like patterns.
. "$TEST_SRCDIR/tests/lib.sh"
plan 21

mkdir in out
echo one >in/a; echo two >in/b
head='storage: {containers: {inputs: in, results: out}}'
# spec KEY...: a job spec with one task that has these keys
spec() { printf '%s\njobs:\n  - tasks:\n      - command_line: cat a\n' "$head"; printf '        %s\n' "$@"; }
# refused WHAT REGEX KEY...: is it an error of the spec?
refused() {
    local what=$1 regex=$2; shift 2
    spec "$@" >bad.yaml
    out=$("$MPIBATCH" validate bad.yaml 2>&1)
    like "$? $out" "^2 .*$regex" "$what"
}
file() { echo "{http_url: 'file://{storage.inputs}/$1', file_path: '$2'}"; }

refused "two files of one name" "bad.yaml:5:[0-9]+: .*line 5 has this \`file_path\` already" \
    "resource_files: [$(file a a), $(file b a)]"
refused "a file called ." "\"\\.\" is a folder; it must be the name of a file" "resource_files: [$(file a .)]"
refused "a file called x/." "\"x/\\.\" is a folder" "resource_files: [$(file a x/.)]"
refused "a mode that is none" 'such as "0640"\), not "999"'$'\n' \
    "resource_files: [{auto_storage_container_name: inputs, file_mode: '999'}]"
refused "a quoted word is not for want of its quotes" 'none, failed or all, not "true"'$'\n' "keep: 'true'"
refused "a quoted boolean is" 'true or false, not "true"; remove the quotes' "task_directory: 'true'"

# whichever comes first
for order in "$(file b a), {auto_storage_container_name: inputs}" "{auto_storage_container_name: inputs}, $(file b ./a)"; do
    spec "resource_files: [$order]" >two.yaml
    run 0 two.yaml --fresh
    like "$rc $(<run.out)" "^1 .*ResourceFileCreateFailed.*two resource files would be a; give one of them another" \
        "two files of one name are refused when they are known"
done
spec "resource_files: [{auto_storage_container_name: inputs}, {auto_storage_container_name: inputs, blob_prefix: a}, $(file a a)]" >same.yaml
run 0 same.yaml
is "$rc $("$MPIBATCH" logs 0 same.run)" "0 one" "one file, come by in three ways, is one" || note "$(<run.out)"

# links
cat >links.yaml <<'END'
jobs:
  - tasks:
      - command_line: "mkdir d 'a[b]'; echo 1 >d/real; ln -s d/real latest; echo x >'a[b]/s*'; echo 2 >'s*'; echo 3 >sx"
        output_files:
          - {file_pattern: latest, return: true}
          - {file_pattern: '**/s*', return: true}
END
run 0 links.yaml
is "$("$MPIBATCH" files list 0 links.run --json | jq -r '.files[] | select(.type == "file") | .name' | sort | xargs)" \
    "stderr.txt stdout.txt wd/a[b]/s* wd/latest wd/s* wd/sx" "a link is returned by its own name"
get() { out=$("$MPIBATCH" files get 0 "$@" links.run 2>err.out); rc=$?; }
get wd/latest
is "$rc $out" "0 1" "with what it leads to"
get 'wd/s*'
is "$rc $out" "0 2" "a name that looks like a pattern is that name" || note "$(<err.out)"
get 'wd/a[b]/s*'
is "$rc $out" "0 x" "also in a folder of such a name" || note "$(<err.out)"
get 'wd/*x'
like "$rc $(<err.out)" "^2 .*this may be more than one file" "a pattern needs a folder"
get 'wd/s*' 'wd/a[b]/s*' -o both
is "$rc $(cd both && find . -type f | sort | xargs)" "0 ./wd/a[b]/s* ./wd/s*" "several such names"
get 'wd/s?' -o match
is "$rc $(cd match && find . -type f | sort | xargs)" "0 ./wd/s* ./wd/sx" "patterns are patterns"

# what is missing on the command line
for words in storage files node; do
    out=$("$MPIBATCH" $words nothing 2>&1)
    like "$? $out" "^2 .*no action \"nothing\"" "$words: an action that there is not"
done

# a folder for PATH that the package has not
mkdir -p app/solver/bin
printf '#!/bin/sh\necho solved\n' >app/solver/bin/solve; chmod +x app/solver/bin/solve
path() {
    cat >path.yaml <<END
pool: {application_packages: [{application_id: s, version: '1', path: app, add_to_path: $1}]}
jobs: [{tasks: [{command_line: solve, application_package_references: [{application_id: s}]}]}]
END
    run 0 path.yaml --fresh
}
path bin
like "$rc $(<run.out)" '^1 .*ApplicationPackageError.*package s 1: there is no folder "bin" in it for add_to_path' \
    "a folder for PATH that is not there"
path solver/bin
is "$rc $("$MPIBATCH" logs 0 path.run)" "0 solved" "one that is"
