"""The course's programs by themselves: sound by their languages' own checkers, clear about a
mistake."""

import subprocess

import pytest
from stack import BUILD_TIMEOUT_S, EXAMPLE, HERE, engine_missing

missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

LANGUAGES = ("python", "typescript")


def docker(*arguments):
    return subprocess.run(
        ("docker", *arguments), capture_output=True, text=True, timeout=BUILD_TIMEOUT_S
    )


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("folder", ["clients", "mini"])
def test_the_checkers_find_nothing(folder, language):
    recipe = HERE / f"check-{language}.Dockerfile"
    done = docker("build", "--force-rm", "-f", str(recipe), str(EXAMPLE / folder / language))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("COUNT=some", "COUNT=some: must be a whole number, 0 or more"),
        ("QUEUE=queue-1", "QUEUE=queue-1: must be host:port,host:port,..."),
    ],
)
def test_a_wrong_setting_is_one_clear_line(language, setting, complaint):
    image = f"quartet-test-client-{language}"
    built = docker("build", "-t", image, str(EXAMPLE / "clients" / language))
    assert built.returncode == 0, built.stdout + built.stderr
    done = docker("run", "--rm", "-e", setting, image)
    assert (done.returncode, done.stderr.strip()) == (2, complaint)
