/* The control socket of a running Cardlatch stack, for C and whatever can call C: cards come and go, and when
 * a function returns success, PC/SC clients have seen the change. The protocol is described in
 * docs/control.md.
 *
 * Link with -lcardlatch-control. Threads: one thread at a time per connection. */
#ifndef CARDLATCH_CONTROL_H
#define CARDLATCH_CONTROL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define CARDLATCH_CONTROL_API __attribute__((visibility("default")))
#else
#define CARDLATCH_CONTROL_API
#endif

/** What functions return. Negative values are failures; cardlatch_error() has the sentence. */
enum cardlatch_result {
    CARDLATCH_NO = 1, /**< the answer to a question is no */
    CARDLATCH_OK = 0,
    CARDLATCH_E_CONNECT = -1,  /**< no control socket, or nobody serves it any more */
    CARDLATCH_E_ARGUMENT = -2, /**< a NULL, no such slot, no such profile */
    CARDLATCH_E_REFUSED = -3,  /**< the stack could not do it, for instance insert into a full slot */
    CARDLATCH_E_PROTOCOL = -4, /**< the answer is no JSON-RPC, or too long */
    CARDLATCH_E_MEMORY = -5
};

/** A connection to a stack. */
typedef struct cardlatch_connection cardlatch_connection;

/** One slot, as PC/SC clients see it. Texts are UTF-8 and NUL-terminated; longer ones are cut. */
struct cardlatch_slot {
    int number;
    char reader[256]; /**< the name to give to SCardConnect */
    char state[16];   /**< "present", "empty", "mute", "unavailable" or "unplugged" */
    char profile[64]; /**< empty without a card */
    char atr[80];     /**< hexadecimal; empty without a card */
};

/** Connects to the control socket `path`, or to the one that CARDLATCH_CONTROL names when `path` is NULL.
 * `*connection` is set in any case but CARDLATCH_E_MEMORY and CARDLATCH_E_ARGUMENT, so that cardlatch_error()
 * can tell what was wrong; give it to cardlatch_close(). Errors: CARDLATCH_E_CONNECT. */
CARDLATCH_CONTROL_API int cardlatch_connect(const char* path, cardlatch_connection** connection);

/** Ends the connection; NULL is allowed. */
CARDLATCH_CONTROL_API void cardlatch_close(cardlatch_connection* connection);

/** The sentence of the last failure; empty after a success. Valid until the next call. */
CARDLATCH_CONTROL_API const char* cardlatch_error(const cardlatch_connection* connection);

/** Fills up to `room` slots and returns how many there are, or a negative result. */
CARDLATCH_CONTROL_API int cardlatch_status(cardlatch_connection* connection, struct cardlatch_slot* slots,
                                           size_t room);

/** Puts a card into slot `slot`, counted from 0: a shipped profile's name or the absolute path of a TOML
 * file; NULL for the card that was in it last. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (a card is
 * there already). */
CARDLATCH_CONTROL_API int cardlatch_insert(cardlatch_connection* connection, int slot, const char* profile);

/** Pulls the card. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (no card). */
CARDLATCH_CONTROL_API int cardlatch_remove(cardlatch_connection* connection, int slot);

/** Resets the card as another client would; connected clients get SCARD_W_RESET_CARD.
 * Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (no card, or a client held a transaction for 10 s). */
CARDLATCH_CONTROL_API int cardlatch_reset(cardlatch_connection* connection, int slot);

/** Whether one more PC/SC client gets the card, tried for `within_ms` milliseconds (0 to 60,000):
 * CARDLATCH_OK, or CARDLATCH_NO while somebody holds it. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED
 * (no card). */
CARDLATCH_CONTROL_API int cardlatch_acquire(cardlatch_connection* connection, int slot, int within_ms);

/** Presses keys on the PIN pad of a reader that has one: they answer the request under way, or the next one.
 * `pin` is the present PIN and `fresh` the new one, each NULL where the reader does not ask for it; both NULL
 * press the cancel key. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (no card, no PIN pad). */
CARDLATCH_CONTROL_API int cardlatch_type(cardlatch_connection* connection, int slot, const char* pin,
                                         const char* fresh);

/** Plugs in a reader called `name` while pcscd runs, NULL for the name of the others. `card` is in it: a
 * shipped profile's name or the absolute path of a TOML file, NULL for an empty reader. `*slot` receives its
 * slot unless it is NULL. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (pcscd is full or takes no
 * readers while it runs). */
CARDLATCH_CONTROL_API int cardlatch_reader_add(cardlatch_connection* connection, const char* name,
                                               const char* card, struct cardlatch_slot* slot);

/** Unplugs the reader of slot `slot`, with all its slots. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED
 * (it is gone already, or pcscd takes no readers while it runs). */
CARDLATCH_CONTROL_API int cardlatch_reader_remove(cardlatch_connection* connection, int slot);

/** Adds a fault: `spec` is TYPE[,KEY=VALUE...] as in docs/faults.md, for instance "remove,nth=3". `slot` is
 * the slot that it is for, -1 for all. `name` receives the fault's name, at most `room` bytes with the NUL;
 * NULL when it is not wanted. Errors: CARDLATCH_E_ARGUMENT, CARDLATCH_E_REFUSED (it cannot strike here, or
 * its name is taken). */
CARDLATCH_CONTROL_API int cardlatch_fault_add(cardlatch_connection* connection, int slot, const char* spec,
                                              char* name, size_t room);

/** How often a fault has struck, or a negative result: CARDLATCH_E_ARGUMENT when there is none such. */
CARDLATCH_CONTROL_API int cardlatch_fault_struck(cardlatch_connection* connection, const char* name);

/** Removes a fault and mends what it did, if that lasts (unplug, kill-pcscd). Errors: CARDLATCH_E_ARGUMENT.
 */
CARDLATCH_CONTROL_API int cardlatch_fault_remove(cardlatch_connection* connection, const char* name);

/** Removes all faults. */
CARDLATCH_CONTROL_API int cardlatch_fault_clear(cardlatch_connection* connection);

/** Any method of the protocol. `params` is a JSON object as text, NULL for none. `*result` is the result as
 * JSON text, to be given to free(); NULL on failure. `result` may be NULL. */
CARDLATCH_CONTROL_API int cardlatch_call(cardlatch_connection* connection, const char* method,
                                         const char* params, char** result);

#ifdef __cplusplus
}
#endif

#endif
