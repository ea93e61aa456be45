#!/usr/bin/env python3
"""Runs the examples of docker/ with podman, as the services that they are for would: Compose, Kubernetes, GitHub Actions,
GitLab CI, a devcontainer. Usage: examples_test.py IMAGE PACKAGE-FOLDER

Needs docker-compose and python3-yaml, and the storage that CONTAINERS_STORAGE_CONF names with IMAGE in it. What podman lacks
where there is no systemd is done here: it runs no health checks by itself; and podman 4.3 knows no sidecars.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import yaml

HERE = pathlib.Path(__file__).resolve().parent
BASE = "docker.io/library/debian:bookworm-slim"
PATIENCE = 300  # seconds for each step; without one a broken example would wait for ever


def say(text):
    print(f"examples_test: {text}", file=sys.stderr, flush=True)


def run(*command, **options):
    """Its output; what fails ends the test with its story."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
                          check=False, **options)
    if done.returncode != 0:
        sys.exit(f"examples_test: FAILED: {' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(text, output):
    if text not in output:
        sys.exit(f"examples_test: FAILED: no {text!r} in:\n{output}")


@contextlib.contextmanager
def process(*command, **options):
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(timeout=30)


def docker_command(folder):
    """The environment in which `docker` is podman."""
    docker = folder / "docker"
    docker.write_text('#!/bin/sh\nexec podman "$@"\n')
    docker.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}


def compose(image, folder):
    socket = folder / "engine.sock"
    environment = {**os.environ, "DOCKER_HOST": f"unix://{socket}", "CARDLATCH_IMAGE": image, "CLIENT_IMAGE": image,
                   "COMPOSE_PROJECT_NAME": f"cardlatch{os.getpid()}"}
    command = ["docker-compose", "-f", str(HERE / "examples" / "compose.yaml")]
    with process("podman", "system", "service", "--time=0", f"unix://{socket}"):
        for _ in range(100):
            if socket.exists():
                break
            time.sleep(0.1)
        try:
            with process("sh", "-c", 'for _ in $(seq 600); do for c in $(podman ps -q --filter name="$0"); do '
                         'podman healthcheck run "$c"; done; sleep 0.5; done', environment["COMPOSE_PROJECT_NAME"]):
                output = run(*command, "up", "--exit-code-from", "client", env=environment)
            expect("1 pass", output)
        finally:
            subprocess.run([*command, "down", "-v"], env=environment, capture_output=True, timeout=PATIENCE, check=False)


def kubernetes(image, folder):
    pod = yaml.safe_load((HERE / "examples" / "kubernetes-pod.yaml").read_text())
    spec = pod["spec"]
    sidecar = spec["initContainers"].pop()
    if sidecar.pop("restartPolicy") != "Always" or "startupProbe" not in sidecar:
        sys.exit("examples_test: FAILED: the sidecar is none")
    probe = sidecar.pop("startupProbe")["exec"]["command"]
    tests = spec["containers"].pop()
    command = tests["command"]
    # The start-up probe holds the others back; here they wait for what it would ask.
    tests["command"] = ["sh", "-c", f"for _ in $(seq 300); do {' '.join(probe)} && exec {' '.join(command)}; sleep 0.1; done; exit 1"]
    spec["containers"] = [sidecar, tests]
    del spec["initContainers"]
    for container in spec["containers"]:
        container["image"] = image
    file = folder / "pod.yaml"
    file.write_text(yaml.safe_dump(pod))
    name = pod["metadata"]["name"]
    try:
        run("podman", "kube", "play", "--network=none", str(file))
        expect("0", run("podman", "wait", f"{name}-{tests['name']}").split()[-1])
    finally:
        subprocess.run(["podman", "pod", "rm", "-f", name], capture_output=True, timeout=PATIENCE, check=False)


def github(image, folder):
    action = yaml.safe_load((HERE / "action" / "action.yml").read_text())
    workflow = yaml.safe_load((HERE / "examples" / "github-workflow.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    [use] = [step for step in steps if "docker/action" in step.get("uses", "")]
    inputs = {name: about.get("default") for name, about in action["inputs"].items()} | use["with"] | {"image": image}
    exported = folder / "github_env"
    exported.touch()
    environment = docker_command(folder) | {"GITHUB_ENV": str(exported)}
    try:
        for step in action["runs"]["steps"]:
            settings = {}
            for name, value in step["env"].items():
                settings[name] = inputs[value.removeprefix("${{ inputs.").removesuffix(" }}")]
            run("bash", "-eo", "pipefail", "-c", step["run"], env=environment | settings)
        environment |= dict(line.split("=", 1) for line in exported.read_text().splitlines())
        for step in steps:
            if "run" in step and "apt-get" not in step["run"]:
                run("bash", "-e", "-c", step["run"], env=environment)
        expect("empty", run("podman", "exec", "cardlatch", "cardlatch", "status"))
    finally:
        subprocess.run(["podman", "rm", "-f", "cardlatch"], capture_output=True, timeout=PATIENCE, check=False)
        if control := environment.get("CARDLATCH_CONTROL"):
            shutil.rmtree(pathlib.Path(control).parent)


def gitlab(image, folder):
    job = yaml.safe_load((HERE / "examples" / "gitlab-ci.yml").read_text())["test-with-a-card"]
    project = folder / "project"
    project.mkdir()
    tests = project / "run-tests.sh"
    tests.write_text("#!/bin/sh\nexec cardlatch acquire 0\n")
    tests.chmod(0o755)
    project.chmod(0o777)
    settings = [f"--env={name}={value}" for name, value in job["variables"].items()]
    # As a runner does it: a shell in the image, the entrypoint as the job says, the script on its input.
    run("podman", "run", "--rm", "-i", f"--entrypoint={job['image']['entrypoint'][0]}", *settings, f"--volume={project}:/project",
        "--workdir=/project", "--network=none", image, "sh", "-e", input="\n".join(job["script"]))
    for artifact in [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]:
        if not (project / artifact).stat().st_size:
            sys.exit(f"examples_test: FAILED: {artifact} is empty")


def devcontainer(packages):
    script = HERE / "devcontainer" / "install.sh"
    expect("present", run("podman", "run", "--rm", f"--volume={script}:/install.sh:ro", f"--volume={packages}:/packages:ro",
                          "--network=host", "--env=PACKAGES=/packages", BASE,
                          "sh", "-ec", "sh /install.sh >/dev/null; cardlatch run --card filecard -- cardlatch status"))


def main():
    image, packages = sys.argv[1:]
    for name, example in (("Compose", compose), ("Kubernetes", kubernetes), ("GitHub Actions", github), ("GitLab CI", gitlab)):
        say(name)
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            example(image, pathlib.Path(folder))
    if list(pathlib.Path(packages).glob("*.deb")):
        say("devcontainer")
        devcontainer(pathlib.Path(packages).resolve())
    else:
        say("devcontainer: skipped, there are no packages; ./dev package makes them")
    say("all passed")


if __name__ == "__main__":
    main()
