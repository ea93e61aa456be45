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
    char state[16];   /**< "present", "empty", "mute" or "unavailable" */
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

/** Any method of the protocol. `params` is a JSON object as text, NULL for none. `*result` is the result as
 * JSON text, to be given to free(); NULL on failure. `result` may be NULL. */
CARDLATCH_CONTROL_API int cardlatch_call(cardlatch_connection* connection, const char* method,
                                         const char* params, char** result);

#ifdef __cplusplus
}
#endif

#endif
