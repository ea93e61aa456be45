#pragma once

/* A card that runs inside the reader: what the driver expects of the library that DEVICENAME's `host=` names.
 *
 * Plain C, because the library and the driver share no run-time library. Calls for one card come one at a
 * time, from any thread; different cards may be called at the same time. No call may throw. The library stays
 * loaded.
 */

/* NOLINTBEGIN(modernize-*): C */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes with every change of the table. */
#define CARDLATCH_CARD_PLUGIN_VERSION 2U
/** The one symbol that the library exports. */
#define CARDLATCH_CARD_PLUGIN_SYMBOL "cardlatch_card_plugin"

/** One card in one slot; the library's own. */
struct cardlatch_hosted_card;

/** The library's functions. */
struct cardlatch_card_plugin_table {
    uint32_t version; /**< CARDLATCH_CARD_PLUGIN_VERSION */

    /** Makes the card that `request` (`size` bytes of text, from the card's end of the link) describes,
     * switched off. NULL when it cannot: `why` (`room` bytes) then holds a text with its terminating zero. */
    struct cardlatch_hosted_card* (*open)(const char* request, size_t size, char* why, size_t room);
    /** Takes the card out of the slot. */
    void (*close)(struct cardlatch_hosted_card* card);

    /** Cold and warm reset. Writes the ATR, at most 33 bytes, and returns its length; 0: mute. */
    size_t (*power_on)(struct cardlatch_hosted_card* card, uint8_t* atr);
    size_t (*reset)(struct cardlatch_hosted_card* card, uint8_t* atr);
    void (*power_off)(struct cardlatch_hosted_card* card);

    /** Answers a command APDU. Returns the response's length, and writes it when `room` bytes hold it. */
    size_t (*transmit)(struct cardlatch_hosted_card* card, const uint8_t* command, size_t size,
                       uint8_t* response, size_t room);

    /** The reader uses transmission protocol T=`protocol` from now on, 0 or 1, until the next activation. */
    void (*set_protocol)(struct cardlatch_hosted_card* card, uint8_t protocol);
};

/** Returns the table, valid for ever. */
typedef const struct cardlatch_card_plugin_table* cardlatch_card_plugin_function(void);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(modernize-*) */
