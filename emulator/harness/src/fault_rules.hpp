#pragma once

#include <cardlatch/base/result.hpp>
#include <cardlatch/card/profile.hpp>
#include <cardlatch/fault/fault_plan.hpp>

#include <boost/json/value.hpp>

#include <optional>
#include <string>
#include <vector>

namespace cardlatch::harness {

/// How far faults reach from where the cards are.
struct FaultReach {
    bool commands = true;    ///< commands pass here: the cards are not hosted by the driver
    bool extension = true;   ///< the link may have time extensions
    bool own_pcscd = true;   ///< readers and resource manager are ours
    bool unpluggable = true; ///< the driver can say that its reader is gone
};

/// Errors: std::errc::not_supported that says why the fault cannot strike here.
Result<void> check_reach(const fault::Fault& fault, const FaultReach& reach);

/// The faults of a profile, checked. Errors: std::errc::invalid_argument with file and line.
Result<std::vector<fault::Fault>> faults_of(const card::Profile& profile);

/// A seed that nobody chose; short enough to be typed.
std::uint64_t any_seed();

/// What `fault_list` answers of one fault.
boost::json::value describe_fault(const fault::FaultStatus& status);

} // namespace cardlatch::harness
