from txregistry.daemon.workers.damping import FIRST, LONGEST, STEADY, Damping


def test_the_first_end_is_made_good_at_once() -> None:
    assert Damping().after(served=0.1) == 0.0


def test_each_end_in_a_row_doubles_the_wait_up_to_a_bound() -> None:
    damping = Damping()
    waits = [damping.after(served=0.1) for _ in range(2000)]
    assert waits[:4] == [0.0, FIRST, 2 * FIRST, 4 * FIRST]
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST


def test_who_served_for_long_has_not_failed_again() -> None:
    damping = Damping()
    for _ in range(5):
        damping.after(served=0.1)
    assert damping.after(served=STEADY) == 0.0
    assert damping.after(served=0.1) == FIRST


def test_who_serves_for_longer_than_it_was_waited_for_is_not_waited_for_longer() -> None:
    damping = Damping()
    assert max(damping.after(served=3.0) for _ in range(2000)) == FIRST
    assert [damping.after(served=0.1) for _ in range(4)] == [2 * FIRST, 4 * FIRST, 8 * FIRST, 16 * FIRST]
    assert damping.after(served=17 * FIRST) == 16 * FIRST
