#pragma once

#include "writer.hpp"

namespace cardlatch::trace {

/// pcapng with link type WIRESHARK_UPPER_PDU: every packet names the dissector that it is for, `iso7816` for
/// APDUs, `iso7816.atr` for ATRs and `syslog` for what has no bytes. Secret bytes are 2A.
///
/// Command and response stand together, also when readers are used at the same time, because the dissector
/// takes a response for the answer to the command before it.
/// Source: pcapng (draft-ietf-opsawg-pcapng) §4, Wireshark's exported PDU tags (exported_pdu_tlvs.h).
std::unique_ptr<Writer> make_pcapng_writer(Output& output);

} // namespace cardlatch::trace
