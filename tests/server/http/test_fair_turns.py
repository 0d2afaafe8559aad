import asyncio

from distnet.server.http.guard.fair_turns import FairTurns


def test_an_owner_has_so_many_turns_and_holds_up_no_other() -> None:
    async def check() -> None:
        turns, begun, end = FairTurns(2), [], asyncio.Event()

        async def request(owner: str) -> None:
            async with turns.take(owner) as turn:
                begun.append(owner)
                if owner == "eve":
                    turn.end()  # it only waits from here on
                    turn.end()
                await end.wait()

        owners = ["ada", "ada", "ada", "bob", "eve", "eve", "eve"]
        requests = [asyncio.ensure_future(request(owner)) for owner in owners]
        await asyncio.sleep(0.01)
        assert sorted(begun) == ["ada", "ada", "bob", "eve", "eve", "eve"]
        end.set()
        await asyncio.gather(*requests)
        assert begun.count("ada") == 3
        assert not turns._lanes, "nothing is kept of those that have left"

    asyncio.run(check())


def test_a_request_that_is_cancelled_frees_its_turn() -> None:
    async def check() -> None:
        turns = FairTurns(1)
        async with turns.take("ada"):
            waiting = asyncio.ensure_future(turns.take("ada").__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
        async with asyncio.timeout(5), turns.take("ada"):
            pass

    asyncio.run(check())
