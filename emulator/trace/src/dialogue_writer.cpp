#include "dialogue_writer.hpp"

#include <cardlatch/trace/instruction.hpp>

#include <optional>
#include <string>

namespace cardlatch::trace {

namespace {

class DialogueWriter : public Writer {
  public:
    explicit DialogueWriter(Output& output)
        : output_(output) {}

    void write(const Event& event, const SecretBytes& secret) override {
        if (reader_ && event.reader != *reader_) {
            return;
        }
        switch (event.what) {
        case What::inserted:
            if (!reader_) {
                card_ = event.detail;
            }
            break;
        case What::cold_reset:
        case What::warm_reset:
            if (!reader_) {
                atr_ = event.response;
            } else if (!at_reset_) {
                output_.write(event.what == What::cold_reset ? "power\n" : "reset\n");
                at_reset_ = true;
            }
            break;
        case What::exchange:
            exchange(event, secret);
            break;
        default:
            break;
        }
    }

  private:
    void exchange(const Event& event, const SecretBytes& secret) {
        if (!reader_) {
            reader_ = event.reader;
            output_.write("card " + (card_.empty() ? "recorded" : card_) + "\n");
            if (!atr_.empty()) {
                output_.write("atr " + to_hex(atr_, " ") + "\n");
            }
        }
        at_reset_ = false;
        if (event.response.size() < 2) {
            output_.write("\n# never answered: " +
                          masked_hex(event.command, secret.command_begin, secret.command_end, "??") + "\n");
            return;
        }
        output_.write("\n# " + instruction_clause(event.command) + ": " + instruction_name(event.command) +
                      "\n> " + masked_hex(event.command, secret.command_begin, secret.command_end, "??") +
                      "\n< " + masked_hex(event.response, 0, secret.response_end, "??") + "\n");
    }

    Output& output_;
    std::optional<std::string> reader_;
    std::string card_;
    Bytes atr_;
    bool at_reset_ = true;
};

} // namespace

std::unique_ptr<Writer> make_dialogue_writer(Output& output) {
    return std::make_unique<DialogueWriter>(output);
}

} // namespace cardlatch::trace
