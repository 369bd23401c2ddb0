"""What can be said of the container files without an engine: schema, lint, and the rules that they are to keep."""

import os
import re
import stat
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from machine import LOGINS, ROOT

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "container" / "Dockerfile"
SCRIPTS = sorted(path for path in (ROOT / "container").iterdir() if path.read_bytes().startswith(b"#!"))
IN_IMAGE = "/opt/sqlml/container/"


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(COMPOSE.read_text())


@pytest.fixture(scope="module", params=["database", "worker", "job"])
def service(request, compose):
    return compose["services"][request.param]


def run(program, *arguments):
    done = subprocess.run(
        [Path(sysconfig.get_path("scripts")) / program, *arguments], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_is_valid_by_the_schema_of_the_specification():
    # The schema comes with the package, so that nothing is fetched.
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE))


def test_the_dockerfile_passes_the_linter():
    run("hadolint", "--failure-threshold", "info", str(DOCKERFILE))


def test_the_scripts_pass_the_linter():
    assert len(SCRIPTS) == 7
    scripts = [*SCRIPTS, ROOT / "dbt_project" / "job.sh"]
    run("shellcheck", "--external-sources", "--source-path=SCRIPTDIR", *map(str, scripts))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_executable_and_parses(script):
    assert script.stat().st_mode & stat.S_IXOTH
    subprocess.run(["sh", "-n", script], check=True)


def test_a_service_is_confined_restarted_and_watched(service):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] == "CMD"
    in_memory = {entry.split(":")[0] for entry in service["tmpfs"]}
    assert {"/tmp", "/var/cache/sqlml"} <= in_memory | {entry.split(":")[1] for entry in service.get("volumes", [])}
    assert "privileged" not in service
    assert "network_mode" not in service


def test_only_the_database_has_a_port_and_it_is_open_to_this_machine_alone(compose):
    ports = {name: service.get("ports", []) for name, service in compose["services"].items()}
    assert {name for name, published in ports.items() if published} == {"database"}
    assert all(port.startswith("127.0.0.1:") for port in ports["database"])
    assert compose["networks"]["inside"] == {"internal": True}
    assert {name: service["networks"] for name, service in compose["services"].items()} == {
        "database": ["inside", "outside"],
        "worker": ["inside"],
        "job": ["inside"],
    }


def test_images_are_of_one_version(service):
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE).group(1)
    assert service["image"] == f"sqlml-{service['build']['target']}:{version}"
    assert service["build"]["dockerfile"] == "container/Dockerfile"
    assert f"AS {service['build']['target']}\n" in DOCKERFILE.read_text()


def test_base_images_are_dated_and_no_stage_ends_as_root():
    text = DOCKERFILE.read_text()
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)
    built = {name for _, name in stages}
    assert all(re.fullmatch(r"debian:bookworm-\d{8}-slim", image) for image, _ in stages if image not in built)
    for name in ("server", "client"):
        stage = text[text.index(f"AS {name}\n") :].split("\nFROM ")[0]
        users = re.findall(r"^USER (\S+)$", stage, re.MULTILINE)
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
        assert f"uid={users[-1].split(':')[0]}," in COMPOSE.read_text(), "the tmpfs of the service belongs to the user"


def test_the_others_wait_for_a_healthy_database(compose):
    for name in ("worker", "job"):
        assert compose["services"][name]["depends_on"] == {"database": {"condition": "service_healthy"}}


def test_commands_name_scripts_that_are_there(service):
    words = [*service["healthcheck"]["test"], *service.get("command", [])]
    named = [word.removeprefix(IN_IMAGE) for word in words if word.startswith(IN_IMAGE)]
    assert all((ROOT / "container" / name).is_file() for name in named)
    entrypoints = re.findall(rf'^ENTRYPOINT \["{IN_IMAGE}(\w+)"\]$', DOCKERFILE.read_text(), re.MULTILINE)
    assert [(ROOT / "container" / name) in SCRIPTS for name in entrypoints] == [True, True]


def test_secrets_are_files_that_git_and_the_images_do_not_get(compose, tmp_path):
    assert compose["secrets"] == {login: {"file": f"./secrets/{login}"} for login in LOGINS}
    used = {name: service["secrets"] for name, service in compose["services"].items()}
    assert used == {"database": list(LOGINS), "worker": ["worker"], "job": ["dbt"]}
    ignored = subprocess.run(["git", "check-ignore", "--no-index", "secrets/worker"], cwd=ROOT, capture_output=True)
    assert ignored.returncode == 0
    for service in compose["services"].values():
        assert not [name for name in service.get("environment", {}) if re.search("PASS|SECRET|KEY|TOKEN", name)]


def test_the_build_sees_what_it_copies_and_nothing_else():
    rules = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [rule for rule in rules if rule and not rule.startswith("#")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert rules[0] == "*"
    assert {rule[1:] for rule in rules if rule.startswith("!")} == {name for names in copied for name in names.split()}
    assert all((ROOT / name).exists() for names in copied for name in names.split())


def test_passwords_are_random_kept_and_hidden(tmp_path):
    def made(folder):
        subprocess.run([ROOT / "container" / "secrets", folder], check=True, capture_output=True)
        return {path.name: path.read_text() for path in folder.iterdir()}

    first, second = made(tmp_path / "one"), made(tmp_path / "two")
    assert sorted(first) == list(LOGINS)
    assert len({*first.values(), *second.values()}) == 2 * len(LOGINS)
    assert all(re.fullmatch("[0-9a-f]{48}", password) for password in first.values())
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == 0o700
    assert {stat.S_IMODE(os.stat(tmp_path / "one" / login).st_mode) for login in LOGINS} == {0o444}
    (tmp_path / "one" / "dbt").unlink()
    again = made(tmp_path / "one")
    assert again["dbt"] != first["dbt"]
    assert {**again, "dbt": first["dbt"]} == first
