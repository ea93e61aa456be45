/* The turnstile of lib/pcsc as processes, the kernel and the resource manager see it.

   Library users take the turn at once if nobody has it and nobody is next. Else they queue in the kernel for the
   place of who is next, and who has that place polls for the turn, or sleeps for it, and takes it and leaves the
   place in one step. Then they begin a transaction, work, end it and give the turn on. One of them, any one, may run
   out of patience or be cancelled at any moment of its wait; one process, any one, may be killed at any step; one
   plain client never queues. Checked:
   - mutual exclusion: one client has the card; one library user has the turn, and one is next
   - order: who waits is served in the order of arrival, and nobody overtakes them
   - no lost wake-up: no run ends with somebody waiting (an invalid end state), whoever was killed
   - the point of it all: who has the turn meets a busy card only because of somebody outside the queue

   Each of the macros NO_UNDO, GIVE_UNHELD, GIVE_EARLY, BARGING, OVERTAKE and KEEP_PLACE breaks the algorithm; check.sh
   sees each fail. */

#define USERS 3
#define PLAIN 3 /* the plain client's number */
#define NOBODY 7
#ifdef OVERTAKE
#define FREE (turn == 0)
#else
#define FREE (turn == 0 && place == 0)
#endif

byte turn = 0;                     /* semaphore: 1 while somebody has the turn */
byte place = 0;                    /* semaphore: 1 while somebody is next */
chan queue = [USERS] of { byte };  /* who waits for the place, first come first */
bool lined_up[USERS];              /* waits for the place */
byte sleeper = NOBODY;             /* who is next and sleeps for the turn */
bool undo[4];                      /* SEM_UNDO's note of who has the turn */
bool undo_place[4];                /* ... and of who is next */
byte owner = NOBODY;               /* of the transaction, in the resource manager */
byte inside = NOBODY;              /* who works with the card, as a witness sees it */
bool alive[4] = true;
bool outside[4];                   /* begins or began a transaction without a turn */
bool may_kill = true;
bool may_give_up = true;

/* The kernel, after a value has changed: it does the steps that can be done now of those that wait for them. */
inline hand_on() {
    do
    :: turn == 0 && sleeper != NOBODY ->
        turn = 1;
        undo[sleeper] = true;
        place--;
        undo_place[sleeper] = false;
        sleeper = NOBODY
    :: place == 0 && len(queue) > 0 ->
        queue ? first;
        lined_up[first] = false;
#ifdef BARGING
        first = 0;
        break
#else
        place = 1;
        undo_place[first] = true;
        first = 0
#endif
    :: else -> break
    od
}

inline take_and_leave_place() {
    turn = 1;
    undo[me] = true;
    place--;
    undo_place[me] = false;
    hand_on()
}

inline enter() {
    atomic {
        /* Whoever has the turn finds the card free, or held by somebody who has none. */
        assert(owner == NOBODY || !undo[me] || outside[owner] || !alive[owner])
    }
    atomic { owner == NOBODY -> owner = me }
    atomic { assert(inside == NOBODY); inside = me }
    atomic { assert(inside == me && owner == me); inside = NOBODY }
}

proctype User(byte me; byte rounds) {
    byte first = 0;
    bool turn_is_mine;
    {
        do
        :: rounds > 0 ->
            rounds--;
            turn_is_mine = false;
            outside[me] = false;
            if
            :: atomic { /* semop: nobody has the turn and nobody is next */
                   FREE -> assert(len(queue) == 0 && place == 0);
                   turn = 1;
                   undo[me] = true;
                   goto have_turn
               }
            :: atomic { !FREE -> skip } /* it says EAGAIN, and then much may happen */
            fi;
again:
            atomic { /* semtimedop: become the next, or queue for that */
                if
                :: place == 0 -> assert(len(queue) == 0); place = 1; undo_place[me] = true
                :: else -> lined_up[me] = true; queue ! me
                fi
            }
            if
            :: atomic { !lined_up[me] ->
#ifdef BARGING
                   if
                   :: undo_place[me]
                   :: else -> goto again
                   fi;
#endif
                   assert(undo_place[0] + undo_place[1] + undo_place[2] == 1 && undo_place[me])
               }
            :: atomic { lined_up[me] && may_give_up -> /* the deadline, or no more patience */
                   may_give_up = false;
                   lined_up[me] = false;
                   queue ?? eval(me);
                   outside[me] = true;
                   goto without_turn
               }
            fi;
            if
            :: atomic { turn == 0 -> take_and_leave_place() } /* polled, however often */
            :: atomic { /* semtimedop */
                   if
                   :: turn == 0 -> take_and_leave_place()
                   :: else -> sleeper = me
                   fi
               }
            fi;
            if
            :: atomic { undo[me] -> skip }
            :: atomic { !undo[me] && may_give_up ->
                   may_give_up = false;
                   assert(sleeper == me);
                   sleeper = NOBODY;
                   outside[me] = true;
#ifdef KEEP_PLACE
                   goto without_turn
#endif
               }
               atomic { place--; undo_place[me] = false; hand_on(); goto without_turn }
            fi;
have_turn:
            atomic {
                assert(undo[0] + undo[1] + undo[2] == 1 && undo[me]);
                turn_is_mine = true
            }
without_turn:
            if
            :: atomic { turn_is_mine && may_give_up -> may_give_up = false } /* cancelled with the turn in hand */
            :: enter();
#ifdef GIVE_EARLY
               skip
#else
               atomic { owner = NOBODY }
#endif
            fi;
            atomic {
                if
#ifdef GIVE_UNHELD
                :: turn > 0 -> turn--; undo[me] = false; hand_on()
#else
                :: turn_is_mine -> turn--; undo[me] = false; hand_on()
#endif
                :: else
                fi
            }
#ifdef GIVE_EARLY
            atomic { if :: owner == me -> owner = NOBODY :: else fi }
#endif
        :: else -> break
        od
    } unless { !alive[me] }
}

proctype Plain(byte me) {
    {
        enter();
        atomic { owner = NOBODY }
    } unless { !alive[me] }
}

/* The kernel ends one process: its semaphore operations are undone, its wait ends, its socket closes. */
proctype Killer() {
    byte who, first = 0;
    do
    :: who = 0
    :: who = 1
    :: who = 2
    :: who = 3
    :: break
    od;
    atomic {
        may_kill = false;
        alive[who] = false;
        if
        :: inside == who -> inside = NOBODY
        :: else
        fi;
        if
        :: who < USERS && lined_up[who] -> lined_up[who] = false; queue ?? eval(who)
        :: else
        fi;
        if
        :: sleeper == who -> sleeper = NOBODY
        :: else
        fi;
#ifndef NO_UNDO
        if
        :: undo[who] -> undo[who] = false; turn--
        :: else
        fi;
        if
        :: undo_place[who] -> undo_place[who] = false; place--
        :: else
        fi;
        hand_on()
#endif
    }
    /* The resource manager notices later. */
    atomic {
        if
        :: owner == who -> owner = NOBODY
        :: else
        fi
    }
}

init {
    atomic {
        outside[PLAIN] = true;
        run User(0, 2);
        run User(1, 2);
        run User(2, 1);
        run Plain(PLAIN);
        run Killer()
    }
}
