/* The turnstile of lib/pcsc as processes, the kernel and the resource manager see it.

   Library users queue in the kernel's semaphore, then begin a transaction, then work, end it and give the turn
   on. One of them, any one, may run out of patience or be cancelled at any moment of its wait; one process, any
   one, may be killed at any step; one plain client never queues. Checked:
   - mutual exclusion: one client has the card; one library user has the turn
   - order: who waits is served in the order of arrival, and nobody overtakes them
   - no lost wake-up: no run ends with somebody waiting (an invalid end state), whoever was killed
   - the point of it all: who has the turn meets a busy card only because of somebody outside the queue

   Each of the macros NO_UNDO, GIVE_UNHELD, GIVE_EARLY and BARGING breaks the algorithm; check.sh sees each fail. */

#define USERS 3
#define PLAIN 3 /* the plain client's number */
#define NOBODY 7

byte turn = 0;                     /* the semaphore: 1 while somebody has the turn */
chan queue = [USERS] of { byte };  /* who waits for it, first come first */
bool waiting[USERS];
bool undo[4];                      /* SEM_UNDO's note of who has it */
byte owner = NOBODY;               /* of the transaction, in the resource manager */
byte inside = NOBODY;              /* who works with the card, as a witness sees it */
bool alive[4] = true;
bool outside[4];                   /* begins or began a transaction without a turn */
bool may_kill = true;
bool may_give_up = true;

/* The kernel, after the value has changed: the first in the queue gets the turn on the spot. */
inline hand_on() {
    if
    :: turn == 0 && len(queue) > 0 ->
        queue ? next;
        waiting[next] = false;
#ifndef BARGING
        turn = 1;
        undo[next] = true;
#endif
        next = 0
    :: else
    fi
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
    byte next = 0;
    bool turn_is_mine;
    {
        do
        :: rounds > 0 ->
            rounds--;
            turn_is_mine = false;
            outside[me] = false;
again:
            atomic { /* semtimedop: take the turn, or queue */
                if
                :: turn == 0 -> assert(len(queue) == 0); turn = 1; undo[me] = true
                :: else -> waiting[me] = true; queue ! me
                fi
            }
            if
            :: atomic { !waiting[me] ->
#ifdef BARGING
                   if
                   :: undo[me]
                   :: else -> goto again
                   fi;
#endif
                   assert(undo[0] + undo[1] + undo[2] == 1 && undo[me]);
                   turn_is_mine = true
               }
            :: atomic { waiting[me] && may_give_up -> /* the deadline, or no more patience */
                   may_give_up = false;
                   waiting[me] = false;
                   queue ?? eval(me);
                   outside[me] = true
               }
            fi;
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
    byte who, next = 0;
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
        :: who < USERS && waiting[who] -> waiting[who] = false; queue ?? eval(who)
        :: else
        fi;
#ifndef NO_UNDO
        if
        :: undo[who] -> undo[who] = false; turn--; hand_on()
        :: else
        fi
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
