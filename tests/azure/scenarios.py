"""Scenarios of Azure Batch's rules: jobspecs, what must happen, and the page of
the public documentation that says so, in our words.

    scenarios.py mpi FILE...        each under mpirun with four ranks
    scenarios.py simulated FILE...  each in the simulator (./simulate), but those
                                    that need processes

Prints TAP. ONLY=TEXT: those alone that have it in their name. A scenario is a YAML document:

    scenario: what is shown
    page: the title of the documentation page
    nodes: 1        four ranks on one node (default), or 4: one rank each
    real: true      needs processes: not simulated
    files: [a]      files beside the spec
    options: [...]  of mpibatch run; sessions: 2: the same command, so often
    spec: the jobspec. `act` as the first word of a command line is the task of
          the same name here
    expect:
      exit: 1                    the exit code
      jobs: {a: completed AllTasksComplete}
      tasks: {a/0: succeeded, a/1: failed exit_code 3 x2, a/2: skipped}
             state, then any of: reason, exit code, xATTEMPTS
      runs: {a/jobpreparation: 2}    how often something was begun
      order: [a/0 < a/1]         the one had ended when the other began
      apart: [a/0 a/1]           never at the same time
      together: [a/0 a/1]        at the same time
      at_most: {2: [a/0, a/1, a/2]}  so many at the same time
      same_node: [a/0 a/1], different_node: [a/0 a/1]   attempts: a/0#2
      cut: [a/0]                 ended while it ran
      text: regex                in what the run printed (real)
      error: regex               the spec is refused so
      seconds: 5                 at most
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ACT = os.path.join(HERE, 'act')


class Loader(yaml.SafeLoader):
    """As YAML 1.2, and mpibatch: on, off, yes and no are words."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, rx) for tag, rx in several if tag != 'tag:yaml.org,2002:bool' or (first or ' ') in 'tTfF']
    for first, several in yaml.SafeLoader.yaml_implicit_resolvers.items()}


class Outcome:
    """What a run came to: exit code, text, tasks, jobs, log."""

    def __init__(self):
        self.exit, self.text, self.tasks, self.jobs, self.log = None, '', {}, {}, []
        self.seconds = 0


def prepare(scenario):
    """The spec, with `act` where it is."""
    spec = scenario['spec']
    text = spec if isinstance(spec, str) else yaml.safe_dump(spec, sort_keys=False)
    return re.sub(r'(?<![\w/-])act(?= )', ACT, text)


def log_of(path):
    log = []
    if os.path.exists(path):
        for line in open(path):
            what, who, attempt, node, at = line.split()
            log.append({'what': what, 'who': who.lstrip('/'), 'attempt': int(attempt),
                        'node': node, 'time': float(at)})
    return log


def of_run(run, out):
    """Tasks and jobs, as the program tells them."""
    program = os.environ['MPIBATCH']
    said = subprocess.run([program, 'tasks', run, '--json'], capture_output=True, text=True)
    if said.returncode == 0:
        for t in json.loads(said.stdout)['tasks']:
            out.tasks[t['job_id'] + '/' + t['task_id']] = [
                t['state'], 'x%d' % t['attempts'], str(t.get('reason')), str(t.get('exit_code')),
                str(t.get('failure_code'))]
    status = os.path.join(run, 'status.json')
    if os.path.exists(status):
        for j in json.load(open(status))['jobs']:
            out.jobs[j['id']] = [j['state'], str(j.get('end')), str(j.get('why', ''))]


def by_mpi(scenario, folder):
    out = Outcome()
    spec = os.path.join(folder, 'spec.yaml')
    run = os.path.join(folder, 'spec.run')
    open(spec, 'w').write(prepare(scenario))
    for name in scenario.get('files', []):
        open(os.path.join(folder, name), 'w').close()
    env = dict(os.environ, ACT_LOG=os.path.join(folder, 'log'),
               OMPI_ALLOW_RUN_AS_ROOT='1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM='1',
               OMPI_MCA_rmaps_base_oversubscribe='1', OMPI_MCA_hwloc_base_binding_policy='none',
               OMPI_MCA_odls_base_sigkill_timeout='0')
    line = [os.environ.get('MPIRUN', 'mpirun'), '--oversubscribe', '-n', '4']
    if scenario.get('nodes', 1) == 4:
        line.append(os.path.join(HERE, 'on-node'))
    line += [os.environ['MPIBATCH'], 'run', spec, '-o', run] + scenario.get('options', [])
    began = time.time()
    for again in range(scenario.get('sessions', 1)):
        try:
            done = subprocess.run(line, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, timeout=60, errors='replace')
            out.exit, out.text = done.returncode, out.text + done.stdout
        except subprocess.TimeoutExpired as late:
            out.exit = 'none in a minute'
            out.text += (late.stdout or b'').decode(errors='replace')
    out.seconds = time.time() - began
    of_run(run, out)
    out.log = log_of(env['ACT_LOG'])
    asked = env['ACT_LOG'] + '.asked'
    if os.path.exists(asked):
        out.text += open(asked).read()
    return out


def by_simulation(scenario, folder):
    out = Outcome()
    spec = os.path.join(folder, 'spec.yaml')
    open(spec, 'w').write(prepare(scenario))
    done = subprocess.run(
        [os.environ['SIMULATE'], spec, str(scenario.get('nodes', 1))],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    out.exit, out.text = done.returncode, done.stderr
    if done.stdout.strip():
        said = json.loads(done.stdout)
        out.exit, out.tasks, out.jobs, out.log = (said['exit'], said['tasks'], said['jobs'], said['log'])
        out.seconds = said['seconds']
    return out


def spans(out):
    """(who, attempt) -> [begin, end, node], in order of their begin."""
    found = {}
    for e in out.log:
        key = (e['who'], e['attempt'], e['node'] if '/job' in e['who'] or e['who'] == 'starttask' else '')
        if e['what'] == 'begin':
            found.setdefault(key, []).append([e['time'], float('inf'), e['node'], False])
        elif key in found:
            found[key][-1][1] = e['time']
            found[key][-1][3] = e['what'] == 'cut'
    return found


def of_task(all_spans, name):
    """The spans of a name: JOB/TASK, or JOB/TASK#ATTEMPT."""
    who, _, attempt = name.partition('#')
    return [s for (w, a, _), several in sorted(all_spans.items(), key=lambda i: i[1][0][0])
            for s in several if w == who and (not attempt or a == int(attempt))]


def check(expect, out):
    """What is not as expected."""
    wrong = []
    all_spans = spans(out)

    def get(name):
        found = of_task(all_spans, name)
        if not found:
            wrong.append('%s did not run' % name)
        return found

    def overlap(a, b):
        return any(x[0] < y[1] and y[0] < x[1] for x in get(a) for y in get(b))

    def most(names):
        points = sorted((t, d) for n in names for s in of_task(all_spans, n)
                        for t, d in ((s[0], 1), (s[1], -1)))
        now = top = 0
        for _, d in points:
            now += d
            top = max(top, now)
        return top

    if 'exit' in expect and out.exit != expect['exit']:
        wrong.append('exit code %s, not %s' % (out.exit, expect['exit']))
    for name, words in expect.get('jobs', {}).items():
        have = out.jobs.get(name, ['not there'])
        for word in str(words).split():
            if word not in have:
                wrong.append('job %s is %s, not %s' % (name, ' '.join(have), words))
                break
    for name, words in expect.get('tasks', {}).items():
        have = out.tasks.get(name, ['not there'])
        for word in str(words).split():
            if word not in have:
                wrong.append('task %s is %s, not %s' % (name, ' '.join(have), words))
                break
    for name, count in expect.get('runs', {}).items():
        have = len(of_task(all_spans, name))
        if have != count:
            wrong.append('%s ran %d times, not %d' % (name, have, count))
    for line in expect.get('order', []):
        names = line.split(' < ')
        for a, b in zip(names, names[1:]):
            x, y = get(a), get(b)
            if x and y and max(s[1] for s in x) > min(s[0] for s in y) + 1e-9:
                wrong.append('%s began before %s had ended' % (b, a))
    for line in expect.get('apart', []):
        names = line.split()
        for i, a in enumerate(names):
            for b in names[i + 1:]:
                if overlap(a, b):
                    wrong.append('%s and %s ran at the same time' % (a, b))
    for line in expect.get('together', []):
        a, b = line.split()
        if not overlap(a, b):
            wrong.append('%s and %s did not run at the same time' % (a, b))
    for count, names in expect.get('at_most', {}).items():
        if most(names) > int(count):
            wrong.append('%d of %s at the same time, not %s' % (most(names), ' '.join(names), count))
    for line in expect.get('same_node', []):
        nodes = {s[2] for n in line.split() for s in get(n)}
        if len(nodes) > 1:
            wrong.append('%s: on %s' % (line, ' '.join(sorted(nodes))))
    for line in expect.get('different_node', []):
        lists = [{s[2] for s in get(n)} for n in line.split()]
        for i, a in enumerate(lists):
            for b in lists[i + 1:]:
                if a & b:
                    wrong.append('%s: both on %s' % (line, ' '.join(sorted(a & b))))
    for name in expect.get('cut', []):
        found = get(name)
        if found and not any(s[3] or s[1] == float('inf') for s in found):
            wrong.append('%s was not ended while it ran' % name)
    if 'seconds' in expect and out.seconds > expect['seconds']:
        wrong.append('took %.1f s' % out.seconds)
    return wrong


def main():
    how, paths = sys.argv[1], sys.argv[2:]
    scenarios = [s for p in paths for s in yaml.load_all(open(p), Loader) if s]
    if how == 'simulated':
        scenarios = [s for s in scenarios if not s.get('real')]
    scenarios = [s for s in scenarios if os.environ.get('ONLY', '') in s['scenario']]
    print('1..%d' % len(scenarios))
    bad = 0
    for i, s in enumerate(scenarios, 1):
        with tempfile.TemporaryDirectory(prefix='mpibatch-test.') as folder:
            out = by_mpi(s, folder) if how == 'mpi' else by_simulation(s, folder)
        wrong = check(s.get('expect', {}), out)
        words = s.get('expect', {})
        for key in ('error',) + (('text',) if how == 'mpi' else ()):
            if key in words and not re.search(words[key], out.text):
                wrong.append('nothing like "%s" was said' % words[key])
        print('%sok %d - %s' % ('not ' if wrong else '', i, s['scenario']))
        for w in wrong:
            print('#   ' + w)
        if wrong:
            bad += 1
            for line in out.text.splitlines()[-15:]:
                print('#     | ' + line)
        sys.stdout.flush()
    return 1 if bad else 0


sys.exit(main())
