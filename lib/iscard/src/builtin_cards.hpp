#pragma once

namespace cardlatch::iscard {

/// The cards of the emulator, in the format of cards.conf. All of them are served by CSCardManage.
inline constexpr const char* k_builtin_cards = R"conf(
# The historical bytes name the card (pre-issuing data); the bytes on its abilities may differ by release.
[card "Cardlatch filecard"]
atr = 3B8F0180 31F873F641FF67 46494C45435244 C8
mask = FFFFFFFF FF00FF000000FF FFFFFFFFFFFFFF 00
interface = {C67CCB42-BE6E-4F56-9A77-C283729B9585}
interface = {AF808AFD-48D4-4829-B578-9CB05EC67BF9}
interface = {E91F4CC7-C10D-4BD0-AEE4-F2BD861CA552}
interface = {9C6A05F1-8345-4753-ABDA-4E5081D67D33}
provider = {64A1C07D-A21F-49FD-BD5C-BE7B36EB0B3C}

[card "Cardlatch witness"]
atr = 3B8F0180 31C173C041DF67 5749544E455353 F5
mask = FFFFFFFF FF00FF000000FF FFFFFFFFFFFFFF 00
interface = {C67CCB42-BE6E-4F56-9A77-C283729B9585}
interface = {AF808AFD-48D4-4829-B578-9CB05EC67BF9}
interface = {E91F4CC7-C10D-4BD0-AEE4-F2BD861CA552}
interface = {9C6A05F1-8345-4753-ABDA-4E5081D67D33}
provider = {64A1C07D-A21F-49FD-BD5C-BE7B36EB0B3C}

# Historical bytes with an application identifier, PIV's: also other makers' cards that say no more.
[card "PIV"]
atr = 3B8D0180 FBA000000308000010000100 4D
interface = {C67CCB42-BE6E-4F56-9A77-C283729B9585}
interface = {AF808AFD-48D4-4829-B578-9CB05EC67BF9}
interface = {E91F4CC7-C10D-4BD0-AEE4-F2BD861CA552}
interface = {9C6A05F1-8345-4753-ABDA-4E5081D67D33}
provider = {64A1C07D-A21F-49FD-BD5C-BE7B36EB0B3C}
)conf";

} // namespace cardlatch::iscard
