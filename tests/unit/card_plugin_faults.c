/* Libraries that are no card applications, each in its own way: FAULT says which. */
#include <cardlatch/card/application_abi.h>

#include <stdlib.h>

enum { NO_SYMBOL, OTHER_VERSION, NO_DESCRIPTION, INCOMPLETE, BAD_ANSWERS };

static char one;

static void* create(const struct cardlatch_host* host, const char* settings,
                    const struct cardlatch_output* error) {
    (void)host;
    (void)settings;
    (void)error;
    return &one;
}

static void ignore(void* self) {
    (void)self;
}

/* 80 01: a status word that is none; 80 02: more than fits; 80 03: nothing from nowhere; else 9000 */
static uint16_t process(void* self, const struct cardlatch_command* command,
                        const struct cardlatch_output* response) {
    static const uint8_t kilobyte[1024];
    (void)self;
    if (command->ins == 0x01) {
        return 0x1234;
    }
    for (int i = 0; command->ins == 0x02 && i < 65; ++i) {
        response->append(response->context, kilobyte, sizeof kilobyte);
    }
    if (command->ins == 0x03) {
        response->append(response->context, NULL, 1);
    }
    return 0x9000;
}

static int save(void* self, const struct cardlatch_output* state) {
    (void)self;
    (void)state;
    return 1;
}

static const uint8_t aid[] = {0xF0, 0x01};
static const struct cardlatch_application description = {
    .abi = FAULT == OTHER_VERSION ? CARDLATCH_APPLICATION_ABI + 1 : CARDLATCH_APPLICATION_ABI,
    .aid = aid,
    .aid_length = sizeof aid,
    .create = create,
    .destroy = ignore,
    .process = process,
    .reset = ignore,
    .save = FAULT == INCOMPLETE ? save : NULL,
};

#if FAULT == 0
const void* unrelated_symbol(void);
CARDLATCH_APPLICATION_EXPORT const void* unrelated_symbol(void) {
    return &description;
}
#else
CARDLATCH_APPLICATION_EXPORT const struct cardlatch_application*
cardlatch_application_description(uint32_t abi) {
    (void)abi;
    return FAULT == NO_DESCRIPTION ? NULL : &description;
}
#endif
