/*
 * A card application in a shared object: a counter that survives the loss of power.
 *
 *   80 10 00 00 04   INCREMENT: counts up, answers the new value in four bytes; 6581 if it cannot be stored
 *   80 12 00 00 04   READ: answers the present value
 *   80 14 00 00      CLEAR: back to where it began, if nobody has counted since the application was selected
 * (6985)
 *
 * The profile's settings are the value that a new card begins with, in decimal.
 */
#include <cardlatch/card/application_abi.h>

#include <ctype.h>
#include <stdlib.h>

enum { INS_INCREMENT = 0x10, INS_READ = 0x12, INS_CLEAR = 0x14 };

struct counter {
    const struct cardlatch_host* host;
    uint32_t first; /* of a new card */
    uint32_t value; /* stored */
    int counted;    /* volatile: INCREMENT came since the application was selected */
};

static const uint8_t aid[] = {0xF0, 'C', 'O', 'U', 'N', 'T'};

static void to_bytes(uint32_t value, uint8_t out[4]) {
    for (int i = 0; i < 4; ++i) {
        out[i] = (uint8_t)(value >> (24 - 8 * i));
    }
}

static void* create(const struct cardlatch_host* host, const char* settings,
                    const struct cardlatch_output* error) {
    static const char sentence[] = "settings have to be a decimal number";
    unsigned long first = 0;
    for (const char* at = settings; *at != '\0'; ++at) {
        if (!isdigit((unsigned char)*at) || at - settings >= 9) {
            error->append(error->context, (const uint8_t*)sentence, sizeof sentence - 1);
            return NULL;
        }
        first = 10 * first + (unsigned long)(*at - '0');
    }
    struct counter* self = calloc(1, sizeof *self);
    if (self != NULL) {
        self->host = host;
        self->first = (uint32_t)first;
        self->value = self->first;
    }
    return self;
}

/* Gives the counter a new value on disk, or leaves it as it was. */
static uint16_t store(struct counter* self, uint32_t next) {
    const uint32_t before = self->value;
    self->value = next;
    if (self->host->commit(self->host->context) != 0) {
        self->value = before;
        return 0x6581;
    }
    return 0x9000;
}

static uint16_t answer(const struct counter* self, const struct cardlatch_command* command,
                       const struct cardlatch_output* response) {
    uint8_t bytes[4];
    if (command->ne < sizeof bytes) {
        return 0x6700;
    }
    to_bytes(self->value, bytes);
    return response->append(response->context, bytes, sizeof bytes) == 0 ? 0x9000 : 0x6F00;
}

static uint16_t process(void* context, const struct cardlatch_command* command,
                        const struct cardlatch_output* response) {
    struct counter* self = context;
    if (command->cla != 0x80) {
        return 0x6E00;
    }
    if (command->p1 != 0 || command->p2 != 0) {
        return 0x6A86;
    }
    if (command->data_length != 0) {
        return 0x6700;
    }
    switch (command->ins) {
    case INS_INCREMENT: {
        if (command->ne < 4) {
            return 0x6700;
        }
        const uint16_t stored = store(self, self->value + 1);
        self->counted = self->counted || stored == 0x9000;
        return stored == 0x9000 ? answer(self, command, response) : stored;
    }
    case INS_READ:
        return answer(self, command, response);
    case INS_CLEAR:
        return self->counted ? 0x6985 : store(self, self->first);
    default:
        return 0x6D00;
    }
}

static void reset(void* context) {
    struct counter* self = context;
    self->counted = 0;
}

static int save(void* context, const struct cardlatch_output* state) {
    const struct counter* self = context;
    uint8_t bytes[4];
    if (self->value == self->first) {
        return 0;
    }
    to_bytes(self->value, bytes);
    return state->append(state->context, bytes, sizeof bytes);
}

static int restore(void* context, const uint8_t* state, size_t length) {
    struct counter* self = context;
    if (length != 4) {
        return 1;
    }
    self->value = 0;
    for (int i = 0; i < 4; ++i) {
        self->value = (self->value << 8) | state[i];
    }
    return 0;
}

CARDLATCH_APPLICATION_EXPORT const struct cardlatch_application*
cardlatch_application_description(uint32_t abi) {
    static const struct cardlatch_application description = {
        .abi = CARDLATCH_APPLICATION_ABI,
        .aid = aid,
        .aid_length = sizeof aid,
        .label = "counter",
        .create = create,
        .destroy = free,
        .process = process,
        .deselect = reset,
        .reset = reset,
        .save = save,
        .restore = restore,
    };
    return abi == CARDLATCH_APPLICATION_ABI ? &description : NULL;
}
