/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CARDLATCH_CARD_APPLICATION_ABI_H
#define CARDLATCH_CARD_APPLICATION_ABI_H

/*
 * A card application in a shared object: version 1 of the binary interface. docs/applications.md explains it,
 * and tests/examples/card_application is one.
 *
 * The card loads the library, calls the one exported function, and keeps to these rules; so has the
 * application:
 *
 * - Memory. Nobody frees what the other side has allocated. Pointers that are passed into a call are borrowed
 * for the duration of that call; bytes are handed over by calling append(). The description that the entry
 * function returns stays valid for as long as the library is loaded.
 * - Threads. An application is called by one thread at a time. The library may serve several cards, each with
 * an application of its own from create(), possibly in several threads: keep no writable globals.
 * - Errors are values. No C++ exception and no longjmp may leave a function, and none may end the process.
 * - The card has done CLA checks, command chaining, logical channels, SELECT by name, and holds response
 * bytes that Ne does not admit; the application sees whole commands with class 00 or 80.
 */

/* NOLINTBEGIN(modernize-*): C */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes with every change of this header that old libraries or old cards would not survive. */
#define CARDLATCH_APPLICATION_ABI 1u

/** Where bytes go. append() copies `length` bytes from `bytes` and returns 0; it returns another number, and
 * takes nothing, when there is no room: responses have at most 65,536 bytes, states 1 MiB, error texts 1,024
 * bytes. */
struct cardlatch_output {
    void* context;
    int (*append)(void* context, const uint8_t* bytes, size_t length);
};

/** What the card lends to an application; valid from create() to the end of destroy(). */
struct cardlatch_host {
    uint32_t abi; /**< CARDLATCH_APPLICATION_ABI of the card */
    void* context;
    /** Puts the whole card's present state on disk, for which it calls save(). Returns 0 when it is there;
     * otherwise the application has to undo its change and should answer 6581. */
    int (*commit)(void* context);
    /** Fills `out` with random bytes. Returns 0, or another number when there are none. */
    int (*random)(void* context, uint8_t* out, size_t length);
};

/** A whole command APDU. ISO/IEC 7816-4 §5.2 */
struct cardlatch_command {
    uint8_t cla; /**< 00 or 80 */
    uint8_t ins;
    uint8_t p1;
    uint8_t p2;
    const uint8_t* data; /**< may be null when data_length is 0 */
    size_t data_length;  /**< 0 to 65,535 */
    size_t ne;           /**< bytes expected: 0 without an Le field, else 1 to 65,536 */
};

/** The application. Functions marked "may be null" may be. `self` is what create() returned. */
struct cardlatch_application {
    uint32_t abi; /**< CARDLATCH_APPLICATION_ABI of the header that this was compiled with */
    const uint8_t*
        aid; /**< the DF name that selects it, unless the profile gives another one; 1 to 16 bytes */
    size_t aid_length;
    const char* label; /**< application label in its FCI, at most 16 bytes; may be null */

    /** Makes one for a card. `settings` is the profile's text for it, "" if there is none, ended by a 0 byte.
     * Returns null and appends a sentence to `error` when that cannot be. */
    void* (*create)(const struct cardlatch_host* host, const char* settings,
                    const struct cardlatch_output* error);
    void (*destroy)(void* self);

    /** SELECT; `control` says what is wanted: 0 FCI, 1 FCP, 2 FMD, 3 nothing. Returns SW1-SW2. When it
     * appends nothing and answers 9000, the card describes the application itself. May be null. */
    uint16_t (*select)(void* self, uint8_t control, const struct cardlatch_output* response);

    /** Any other command while the application is selected. Appends the response data, returns SW1-SW2. */
    uint16_t (*process)(void* self, const struct cardlatch_command* command,
                        const struct cardlatch_output* response);

    /** Another application was selected, or the channel was closed. May be null. */
    void (*deselect)(void* self);

    /** Power was lost or a reset came: volatile state starts anew. */
    void (*reset)(void* self);

    /** Appends what differs from a new card; nothing means that nothing does. Returns 0, or another number
     * when it cannot. May be null for an application without a state. */
    int (*save)(void* self, const struct cardlatch_output* state);

    /** Takes back what save() appended, in the life of another process. Returns 0, or another number when the
     * bytes are no state of this application; the card then refuses to start. Null exactly when save is. */
    int (*restore)(void* self, const uint8_t* state, size_t length);
};

/** The one function that a library exports. `abi` is the card's version; a library that cannot serve it
 * returns null, or a description with its own version, which the card refuses by name. */
typedef const struct cardlatch_application* (*cardlatch_application_entry)(uint32_t abi);
#define CARDLATCH_APPLICATION_SYMBOL "cardlatch_application_description"

#if defined(__GNUC__)
#define CARDLATCH_APPLICATION_EXPORT __attribute__((visibility("default")))
#else
#define CARDLATCH_APPLICATION_EXPORT
#endif

/** Declared here so that the compiler compares: define it with CARDLATCH_APPLICATION_EXPORT. */
CARDLATCH_APPLICATION_EXPORT const struct cardlatch_application*
cardlatch_application_description(uint32_t abi);

#ifdef __cplusplus
}
#endif
/* NOLINTEND(modernize-*) */

#endif
