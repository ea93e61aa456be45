/* Ending one thread's wait for the turn, as Turnstile::wait() and CancelPoint::cancel() of lib/pcsc do it.

   A waiter waits in the kernel for "the bell does not ring, nobody has the turn: take it". Its canceller rings until
   the waiter has come out. Two waiters share one bell here, which is the hard case; one of them, or both, are
   cancelled, at any moment. The holder of the turn may keep it until the first waiter is gone. Checked:
   - who is cancelled comes out, though the turn is not given on (an invalid end state otherwise)
   - who is not cancelled does not come out as cancelled, and gets the turn in the end
   - the turn is one, and nobody leaves the bell ringing for those who come later

   Each of the macros RING_ONCE, NO_SILENCE, BELIEVE_BELL and CHECK_EARLY breaks the algorithm; check.sh sees each fail. */

#define WAITERS 2

bool turn = true;       /* the semaphore; the holder has it at first */
bool ringing = false;   /* the bell is at its maximum */
bool cancelled[WAITERS];
bool waiting[WAITERS];  /* CancelPoint::waiting_in_, guarded by its mutex: one atomic block for each time it is held */
bool out[WAITERS];
byte holders = 1;

proctype Waiter(byte me) {
    bool rung, have, seen;
#ifdef CHECK_EARLY
    if
    :: cancelled[me] -> goto leave
    :: else
    fi;
#endif
again:
    atomic {
        if
#ifndef CHECK_EARLY
        :: cancelled[me] -> goto leave
#endif
        :: else -> waiting[me] = true
        fi
    }
    /* semtimedop: all of it or nothing, and looked at again whenever a value changes. */
    if
    :: atomic { ringing -> rung = true }
    :: atomic { !ringing && !turn -> turn = true; have = true; holders++ }
    fi;
    atomic { waiting[me] = false; seen = cancelled[me] }
#ifdef NO_SILENCE
    atomic { if :: rung -> ringing = false :: else fi }
#else
    atomic { if :: rung || seen -> ringing = false :: else fi }
#endif
    if
    :: have ->
        assert(holders == 1);
        holders--;
        turn = false;
        goto done
    :: !have && !seen ->
#ifndef BELIEVE_BELL
        rung = false;
        goto again
#endif
    :: !have && seen
    fi;
leave:
    assert(cancelled[me]);
done:
    out[me] = true
}

proctype Canceller(byte whom) {
    cancelled[whom] = true;
    do
    :: atomic { !waiting[whom] -> break }
    :: atomic { waiting[whom] && !ringing -> ringing = true } /* ringing twice is ringing once */
#ifdef RING_ONCE
       ; atomic { !waiting[whom] -> break }
#endif
    od
}

proctype Holder() {
    bool stubborn;
    if
    :: stubborn = true
    :: stubborn = false
    fi;
    !stubborn || out[0];
    holders--;
    turn = false
}

init {
    atomic {
        run Holder();
        run Waiter(0);
        run Waiter(1);
        run Canceller(0);
        if
        :: run Canceller(1)
        :: skip
        fi
    }
    _nr_pr == 1;
    assert(out[0] && out[1] && !turn && !ringing)
}
