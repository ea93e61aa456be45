# fish completion for cardlatch(1)

function __cardlatch_needs_command
    set -l words (commandline -opc)
    test (count $words) -eq 1
end

function __cardlatch_in
    set -l words (commandline -opc)
    test (count $words) -gt 1; and contains -- $words[2] $argv; and not contains -- -- $words
end

# __cardlatch_inner COMMAND [ACTION...]: COMMAND still needs its action, or has one of these.
function __cardlatch_inner
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]; or return 1
    set -e argv[1]
    if test (count $argv) -eq 0
        test (count $words) -eq 2
    else
        test (count $words) -gt 2; and contains -- $words[3] $argv
    end
end

function __cardlatch_after_dashes
    contains -- -- (commandline -opc)
end

function __cardlatch_cards
    cardlatch profiles 2>/dev/null | string replace -r ' +' \t
    printf 'none\tan empty reader\n'
    __fish_complete_suffix .toml
    __fish_complete_suffix .apdu
end

function __cardlatch_faults
    cardlatch fault types 2>/dev/null | string match -r '^\S+ .*' | string replace -r ' +' \t
end

complete -c cardlatch -f
complete -c cardlatch -n __cardlatch_after_dashes -a '(__fish_complete_subcommand --fcs-skip=3)'
complete -c cardlatch -n __cardlatch_needs_command -l version -d 'Print the version'
complete -c cardlatch -l help -d 'Print help'
complete -c cardlatch -n __cardlatch_needs_command -a run -d 'Start a private pcscd and run a command in it'
complete -c cardlatch -n __cardlatch_needs_command -a insert -d 'Put a card into a reader'
complete -c cardlatch -n __cardlatch_needs_command -a remove -d 'Pull the card from a reader'
complete -c cardlatch -n __cardlatch_needs_command -a reset -d 'Reset the card as another client would'
complete -c cardlatch -n __cardlatch_needs_command -a acquire -d 'Ask whether one more client gets the card'
complete -c cardlatch -n __cardlatch_needs_command -a type -d 'Press keys on the PIN pad of a reader'
complete -c cardlatch -n __cardlatch_needs_command -a status -d 'Show readers and cards'
complete -c cardlatch -n __cardlatch_needs_command -a reader -d 'Plug readers in and out'
complete -c cardlatch -n __cardlatch_needs_command -a fault -d 'Let cards and readers misbehave'
complete -c cardlatch -n __cardlatch_needs_command -a serve -d 'Run cards without a pcscd'
complete -c cardlatch -n __cardlatch_needs_command -a record -d 'Write down a dialogue with a card'
complete -c cardlatch -n __cardlatch_needs_command -a lockcheck -d 'Check how exclusive access behaves'
complete -c cardlatch -n __cardlatch_needs_command -a card -d 'Make, show and export card images'
complete -c cardlatch -n __cardlatch_needs_command -a profiles -d 'List the shipped card profiles'
complete -c cardlatch -n __cardlatch_needs_command -a capabilities -d 'Say what this version can do'

complete -c cardlatch -n '__cardlatch_in run serve' -l card -x -a '(__cardlatch_cards)' -d 'Card in a reader'
complete -c cardlatch -n '__cardlatch_in insert' -a '(__cardlatch_cards)'
complete -c cardlatch -n '__cardlatch_in run' -l reader-name -x -d 'Name of the readers'
complete -c cardlatch -n '__cardlatch_in run' -l driver -x -a 'cardlatch vpcd' -d 'IFD handler'
complete -c cardlatch -n '__cardlatch_in run' -l host -x -a 'stack driver' -d 'Process that runs the cards'
complete -c cardlatch -n '__cardlatch_in run' -l pin-pad -d 'Readers with a PIN pad'
complete -c cardlatch -n '__cardlatch_inner reader' -a add -d 'Plug in a reader'
complete -c cardlatch -n '__cardlatch_inner reader' -a remove -d 'Unplug a reader'
complete -c cardlatch -n '__cardlatch_inner reader add' -l name -x -d 'Its name'
complete -c cardlatch -n '__cardlatch_in run' -l slots -x -d 'Slots of each reader'
complete -c cardlatch -n '__cardlatch_inner fault' -a add -d 'Add a fault'
complete -c cardlatch -n '__cardlatch_inner fault' -a list -d 'Show the faults'
complete -c cardlatch -n '__cardlatch_inner fault' -a remove -d 'Remove a fault, and mend what it did'
complete -c cardlatch -n '__cardlatch_inner fault' -a clear -d 'Remove every fault'
complete -c cardlatch -n '__cardlatch_inner fault' -a types -d 'The types of faults with their settings'
complete -c cardlatch -n '__cardlatch_inner fault add' -a '(__cardlatch_faults)'
complete -c cardlatch -n '__cardlatch_in run serve' -l fault -x -a '(__cardlatch_faults)' -d 'What goes wrong'
complete -c cardlatch -n '__cardlatch_in run serve' -l seed -x -d 'Of everything random in faults'
complete -c cardlatch -n '__cardlatch_in run serve' -l state -x -a '(__fish_complete_directories)' -d 'Folder for card state'
complete -c cardlatch -n '__cardlatch_in run' -l log -r -F -d 'File for the log of pcscd'
complete -c cardlatch -n '__cardlatch_in run' -l log-level -x -a 'critical error info debug' -d 'How much pcscd logs'
complete -c cardlatch -n '__cardlatch_in run serve' -l trace -r -F -d 'File for a trace'
complete -c cardlatch -n '__cardlatch_in run serve' -l trace-format -x -a 'pcapng chrome apdu' -d 'Its format'
complete -c cardlatch -n '__cardlatch_in run serve record' -l show-secrets -d 'Do not mask PINs and keys'
complete -c cardlatch -n '__cardlatch_in record' -l reader -x -d 'Reader'
complete -c cardlatch -n '__cardlatch_in record' -l output -r -F -d 'File for the dialogue'
complete -c cardlatch -n '__cardlatch_in record' -l profile -x -d 'Card profile that it names'
complete -c cardlatch -n '__cardlatch_in run' -l isolation -x -a 'auto namespace shim' -d 'How pcscd gets its /run'
complete -c cardlatch -n '__cardlatch_in run' -l pcscd -r -F -d 'The pcscd to start'
complete -c cardlatch -n '__cardlatch_in run' -s v -l verbose -d 'Say what happens'
complete -c cardlatch -n '__cardlatch_in run status fault lockcheck profiles capabilities' -l json -d 'As JSON'
complete -c cardlatch -n '__cardlatch_in acquire' -l within -x -d 'How long to try, in ms'
complete -c cardlatch -n '__cardlatch_in insert remove reset acquire type reader status fault serve lockcheck' -l control -r -F -d 'Control socket'
complete -c cardlatch -n '__cardlatch_in type' -l new -x -d 'The new PIN'
complete -c cardlatch -n '__cardlatch_in type' -l confirm -x -d 'The new PIN again'
complete -c cardlatch -n '__cardlatch_in type' -l cancel -d 'Press the cancel key'
complete -c cardlatch -n '__cardlatch_in serve' -l connect -x -d 'Where a reader listens'
complete -c cardlatch -n '__cardlatch_in serve' -l listen -x -d 'Where the card listens'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l reader -x -d 'Reader to use'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l junit -r -F -d 'Write a JUnit report'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l only -x -d 'Only such cases'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l list -d 'List the cases'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l markdown -d 'As tables'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l seed -x -d 'Of the storm'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l processes -x -d 'Of the storm'
complete -c cardlatch -n '__cardlatch_in lockcheck' -l operations -x -d 'Of the storm'
complete -c cardlatch -n '__cardlatch_inner card' -a new -d 'Make a card image with fresh keys'
complete -c cardlatch -n '__cardlatch_inner card' -a show -d 'Show what is on a card'
complete -c cardlatch -n '__cardlatch_inner card' -a export -d 'Write certificates, public keys or an image'
complete -c cardlatch -n '__cardlatch_inner card new show export' -F
complete -c cardlatch -n '__cardlatch_inner card show export' -a '(__cardlatch_cards)'
complete -c cardlatch -n '__cardlatch_inner card new' -l key -x -d 'A key: SLOT=ALGORITHM'
complete -c cardlatch -n '__cardlatch_inner card new' -l no-keys -d 'No key but F9'
complete -c cardlatch -n '__cardlatch_inner card new' -l subject -x -d 'Subject of the certificates'
complete -c cardlatch -n '__cardlatch_inner card new' -l days -x -d 'Days of validity'
complete -c cardlatch -n '__cardlatch_inner card new' -l issuer-key -r -F -d 'Who signs the certificates'
complete -c cardlatch -n '__cardlatch_inner card new' -l issuer-certificate -r -F -d 'Certificate of that key'
complete -c cardlatch -n '__cardlatch_inner card new' -l pin -x -d 'Digits, or random'
complete -c cardlatch -n '__cardlatch_inner card new' -l puk -x -d 'PUK, or random'
complete -c cardlatch -n '__cardlatch_inner card new' -l pin-tries -x -d 'Tries of the PIN'
complete -c cardlatch -n '__cardlatch_inner card new' -l puk-tries -x -d 'Tries of the PUK'
complete -c cardlatch -n '__cardlatch_inner card new' -l management-algorithm -x -a '3des aes128 aes192 aes256' -d 'Of the management key'
complete -c cardlatch -n '__cardlatch_inner card new' -l management-key -x -d 'Hexadecimal, or random'
complete -c cardlatch -n '__cardlatch_inner card new' -l serial -x -d 'Serial number'
complete -c cardlatch -n '__cardlatch_inner card new' -l from -x -a '(__cardlatch_cards)' -d 'Renew this profile'
complete -c cardlatch -n '__cardlatch_inner card new' -s q -l quiet -d 'No progress, no summary'
complete -c cardlatch -n '__cardlatch_inner card new export' -l force -d 'Replace files'
complete -c cardlatch -n '__cardlatch_inner card new show' -l json -d 'As JSON'
complete -c cardlatch -n '__cardlatch_inner card show export' -l state -r -F -d 'State file or folder'
complete -c cardlatch -n '__cardlatch_inner card show' -l secrets -d 'Private keys and PINs as well'
complete -c cardlatch -n '__cardlatch_inner card export' -l certificate -x -d 'Print the certificate of a slot'
complete -c cardlatch -n '__cardlatch_inner card export' -l public-key -x -d 'Print the public key of a slot'
complete -c cardlatch -n '__cardlatch_inner card export' -l public -x -a '(__fish_complete_directories)' -d 'All public parts'
complete -c cardlatch -n '__cardlatch_inner card export' -l image -r -F -d 'An image with private keys'
