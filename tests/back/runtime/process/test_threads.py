import os

import pytest

from back.runtime.process.threads import available_cpus


@pytest.fixture
def four_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def cpus(tmp_path, proc="0::/app\n"):
    write(tmp_path / "proc", proc)
    return available_cpus(tmp_path / "proc", tmp_path / "cgroup")


@pytest.mark.parametrize(
    ("quota", "expected"),
    [("max 100000", 4), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1), ("900000 100000", 4)],
)
def test_quota_of_cgroup_v2_caps_the_affinity(tmp_path, four_cpus, quota, expected):
    write(tmp_path / "cgroup/app/cpu.max", quota)
    assert cpus(tmp_path) == expected


def test_quota_of_a_group_around_ours_holds_too(tmp_path, four_cpus):
    write(tmp_path / "cgroup/pod/cpu.max", "100000 100000")
    write(tmp_path / "cgroup/pod/app/cpu.max", "max 100000")
    assert cpus(tmp_path, "0::/pod/app\n") == 1


def test_quota_of_cgroup_v1(tmp_path, four_cpus):
    write(tmp_path / "cgroup/cpu,cpuacct/app/cpu.cfs_quota_us", "300000\n")
    write(tmp_path / "cgroup/cpu,cpuacct/app/cpu.cfs_period_us", "100000\n")
    assert cpus(tmp_path, "4:memory:/app\n3:cpu,cpuacct:/app\n") == 3


def test_unlimited_cgroup_v1(tmp_path, four_cpus):
    write(tmp_path / "cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    write(tmp_path / "cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert cpus(tmp_path, "3:cpu:/\n") == 4


def test_no_cgroup_leaves_the_affinity(tmp_path, four_cpus):
    assert available_cpus(tmp_path / "absent", tmp_path / "absent") == 4


def test_this_machine_has_at_least_one():
    assert 1 <= available_cpus() <= (os.cpu_count() or 1)
