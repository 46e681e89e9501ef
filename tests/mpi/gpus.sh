#!/bin/bash
# GPUs under mpirun: declared ones, since no test machine need have any. Who gets
# which, and what it is told.
. "$TEST_SRCDIR/tests/lib.sh"
plan 10

cat >g.yaml <<'EOF'
pool: {task_slots_per_node: 8, node_resources: {gpus: 2}}
jobs:
  - id: tell
    common_environment_settings: {S: "{spec.dir}"}
    tasks:
      - {id: two, command_line: ./tell, required_resources: {gpus: 2}}
      - {id: one, command_line: ./tell, required_resources: {gpus: 1}}
      - {id: half, command_line: ./tell, required_resources: {gpus: 0.5}}
      - {id: none, command_line: ./tell}
      - {id: own, command_line: ./tell, required_resources: {gpus: 1}, environment_settings: {CUDA_VISIBLE_DEVICES: mine}}
  # each writes who begins and who ends on its GPU
  - id: whole
    sweep: {parameters: {i: {range: {from: 1, to: 8}}}}
    task:
      command_line: 'echo +1 $MPIBATCH_GPUS >>whole.log; sleep 0.1; echo -1 $MPIBATCH_GPUS >>whole.log'
      required_resources: {gpus: 1}
  - id: part
    sweep: {parameters: {i: {range: {from: 1, to: 8}}}}
    task:
      command_line: 'echo +0.5 $MPIBATCH_GPUS >>part.log; sleep 0.1; echo -0.5 $MPIBATCH_GPUS >>part.log'
      required_resources: {gpus: 0.5}
EOF
cat >tell <<'EOF'
#!/bin/sh
echo "${MPIBATCH_GPUS-unset}|${MPIBATCH_GPU_SHARE-unset}|${CUDA_VISIBLE_DEVICES-unset}|${ROCR_VISIBLE_DEVICES-unset}"
EOF
chmod +x tell
CUDA_VISIBLE_DEVICES='' run 2 g.yaml
is "$rc" 0 "tasks with GPUs"
told() { "$MPIBATCH" logs "$1/$2" g.run; }
is "$(told tell two)" "0,1|unset|0,1|0,1" "two"
like "$(told tell one)" '^([01])\|unset\|([01])\|([01])$' "one"
like "$(told tell half)" '^([01])\|0\.5\|([01])\|([01])$' "half of one"
is "$(told tell none)" "|unset|-1|-1" "none: it sees none"
like "$(told tell own)" '^[01]\|unset\|mine\|' "the user's own setting wins"
# most GPU: how much of it was given at once
most() { awk -v g="$2" '$2 == g { n += $1; if (n > most) most = n } END { print most + 0 }' "$1.log"; }
is "$(wc -l <whole.log) $(most whole 0) $(most whole 1)" "16 1 1" "a whole GPU is nobody else's"
is "$(wc -l <part.log)" 16 "halves"
ok "two halves are one, at most" [ "$(most part 0)" -le 1 -a "$(most part 1)" -le 1 ]
is "$("$MPIBATCH" node list --json g.run | jq '.nodes[0].gpus')" "$("$MPIBATCH" show binding --json | jq '.gpus | length')" "a node says how many were found"
