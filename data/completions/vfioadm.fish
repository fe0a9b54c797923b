# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for vfioadm(1). Reads a few files below /sys and names below /etc, and starts nothing.

# The directory after --sysroot, or nothing for the running host.
function __vfioadm_root
    set -l tokens (commandline -opc)
    for i in (seq (count $tokens))
        switch $tokens[$i]
            case '--sysroot=*'
                string replace -- '--sysroot=' '' $tokens[$i]
                return
            case --sysroot
                set -q tokens[(math $i + 1)]; and printf '%s\n' $tokens[(math $i + 1)]
                return
        end
    end
end

# Those paths whose last names can be offered: what begins with a dash would be an option on the command line, and
# what has a newline or a tabulator in it would become two words, or a description.
function __vfioadm_usable
    string match -r -v -- '(?s)/-[^/]*$|[[:cntrl:]]' $argv
end

# The last names of paths.
function __vfioadm_names
    string replace -r -- '.*/' '' (__vfioadm_usable $argv)
end

# The first word of a file. A root that somebody else has made may have a FIFO there, or no end.
function __vfioadm_read
    test -f $argv[1]
    and read -l -n 16 word <$argv[1] 2>/dev/null
    and printf '%s\n' $word
end

# Every function but bridges.
function __vfioadm_functions
    set -l root (__vfioadm_root)
    set -l dirs "$root"/sys/bus/pci/devices/*
    for dir in (__vfioadm_usable $dirs)
        set -l class (__vfioadm_read $dir/class)
        or continue
        string match -q '0x06*' -- $class
        or printf '%s\n' $dir
    end
end

function __vfioadm_addresses
    __vfioadm_names (__vfioadm_functions)
end

function __vfioadm_selectors
    set -l root (__vfioadm_root)
    set -l interfaces "$root"/sys/bus/pci/devices/*/net/*
    __vfioadm_addresses
    __vfioadm_names $interfaces
    printf '%s\n' group= uid= fid= pchid= serial= mac= path=
end

function __vfioadm_ids
    for dir in (__vfioadm_functions)
        set -l id (__vfioadm_read $dir/vendor):(__vfioadm_read $dir/device)
        string match -r -g '^0x([0-9a-f]+:)0x([0-9a-f]+)$' -- $id | string join ''
    end | sort -u
end

function __vfioadm_vfio_drivers
    set -l root (__vfioadm_root)
    set -l drivers "$root"/sys/bus/pci/drivers/*vfio*
    printf '%s\n' auto vfio-pci
    __vfioadm_names $drivers
end

# Names of declarations, but for what is masked by an empty file, or is no name.
function __vfioadm_declarations
    set -l root (__vfioadm_root)
    set -l seen
    for file in "$root"/etc/vfioadm.d/*.conf "$root"/run/vfioadm.d/*.conf "$root"/usr/lib/vfioadm.d/*.conf
        set -l name (string replace -r -- '.*/(.*)\.conf$' '$1' $file)
        string match -qr '^[A-Za-z0-9_.:@][A-Za-z0-9_.:@-]*$' -- $name
        or continue
        contains -- $name $seen
        and continue
        set -a seen $name
        test -s $file
        and printf '%s\n' $name
    end
end

# The words of the command line that are neither an option nor its value: verb, arguments.
function __vfioadm_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l value
    for token in $tokens
        if test -n "$value"
            set value
            continue
        end
        switch $token
            case --sysroot --timeout --lock-wait --color --columns --driver --force --only
                set value yes
            case '-*'
            case '*'
                printf '%s\n' $token
        end
    end
end

# Is it one of these verbs? Without any: is there no verb yet?
function __vfioadm_verb
    set -l words (__vfioadm_words)
    if not set -q argv[1]
        not set -q words[1]
        return
    end
    set -q words[1]
    and contains -- $words[1] $argv
end

# What "config" is to do is this; without it: not said yet.
function __vfioadm_config
    set -l words (__vfioadm_words)
    __vfioadm_verb config
    and test "$words[2]" = "$argv[1]"
end

set -l verbs list show check enable disable assign release status plan apply config import settle help

complete -c vfioadm -f

complete -c vfioadm -n __vfioadm_verb -a list -d 'Every assignable function'
complete -c vfioadm -n __vfioadm_verb -a show -d 'Everything known about a function'
complete -c vfioadm -n __vfioadm_verb -a check -d 'Is it safe to move a function?'
complete -c vfioadm -n __vfioadm_verb -a enable -d 'Give a card type to vfio-pci'
complete -c vfioadm -n __vfioadm_verb -a disable -d 'Take a card type back'
complete -c vfioadm -n __vfioadm_verb -a assign -d 'Bind functions to a VFIO driver'
complete -c vfioadm -n __vfioadm_verb -a release -d 'Give functions back to their driver'
complete -c vfioadm -n __vfioadm_verb -a status -d 'Compare the host with its declarations'
complete -c vfioadm -n __vfioadm_verb -a plan -d 'What apply would do'
complete -c vfioadm -n __vfioadm_verb -a apply -d 'Bring the host into its declared state'
complete -c vfioadm -n __vfioadm_verb -a config -d 'Look for errors in declarations, or list them'
complete -c vfioadm -n __vfioadm_verb -a import -d 'Declare what other tools keep over reboots'
complete -c vfioadm -n __vfioadm_verb -a settle -d 'Finish or undo what an interrupted run left'
complete -c vfioadm -n __vfioadm_verb -a help -d 'Overview, or the help of a verb'

complete -c vfioadm -l json -d 'Print one JSON object'
complete -c vfioadm -l sysroot -x -a '(__fish_complete_directories)' -d 'Look at another root'
complete -c vfioadm -l timeout -x -d 'Deadline of each step, seconds'
complete -c vfioadm -l lock-wait -x -d 'How long to wait for another run, seconds'
complete -c vfioadm -s q -l quiet -d 'Print errors and refusals only'
complete -c vfioadm -s v -l verbose -d 'Print more'
complete -c vfioadm -l color -x -a 'auto always never' -d 'Colours'
complete -c vfioadm -s V -l version -d 'Print the version'
complete -c vfioadm -s h -l help -d 'Print help'

# Without a verb it lists.
set -l list '__vfioadm_verb; or __vfioadm_verb list'
complete -c vfioadm -n $list -l all -d 'Also bridges, host bridges and the IOMMU'
complete -c vfioadm -n $list -l tree -f -a 'groups topology' -d 'As a tree'
complete -c vfioadm -n $list -l enabled -d 'The card types given to vfio-pci'
complete -c vfioadm -n $list -l users -d 'Look for users as thoroughly as check does'
complete -c vfioadm -n $list -l columns -x -d 'Show these columns' \
    -a '(__fish_complete_list , "printf %s\\\\n address id name vendor device subsystem_vendor subsystem_device class revision vendor_name device_name class_name driver vfio iommu_group bridge physfn numa_node uid fid net block users verdict verdict_reason")'

complete -c vfioadm -n '__vfioadm_verb show check assign release' -a '(__vfioadm_selectors)'
complete -c vfioadm -n '__vfioadm_verb enable disable' -a '(__vfioadm_ids)'
complete -c vfioadm -n '__vfioadm_verb help' -a "$verbs"
complete -c vfioadm -n '__vfioadm_verb plan apply' -a '(__vfioadm_declarations)'
complete -c vfioadm -n __vfioadm_config -a check -d 'Look for errors in files'
complete -c vfioadm -n __vfioadm_config -a list -d 'Print the files that count'
complete -c vfioadm -n '__vfioadm_config check' -F

complete -c vfioadm -n '__vfioadm_verb enable disable assign release apply import settle' -s n -l dry-run \
    -d 'Print the steps, change nothing'
complete -c vfioadm -n '__vfioadm_verb check assign release' -l group \
    -d 'Take the whole IOMMU group along'
complete -c vfioadm -n '__vfioadm_verb assign' -l driver -x \
    -a '(__vfioadm_vfio_drivers)' -d 'VFIO driver to bind to'
complete -c vfioadm -n '__vfioadm_verb show check assign release' -l all-matching \
    -d 'A selector may name several functions'
complete -c vfioadm -n '__vfioadm_verb release' -l park -d 'Leave it without a driver'
complete -c vfioadm -n '__vfioadm_verb check enable assign release plan apply' -l force -x \
    -d 'Override these findings'
complete -c vfioadm -n '__vfioadm_verb enable disable assign release import' -l persist -d 'Over reboots too'
complete -c vfioadm -n '__vfioadm_verb enable' -l modprobe -d 'Also by /etc/modprobe.d'
complete -c vfioadm -n '__vfioadm_verb plan apply' -l atomic -d 'All declarations or none, in one transaction'
complete -c vfioadm -n '__vfioadm_verb plan apply' -l only -x -a '(__vfioadm_addresses)' \
    -d 'Only the declarations of this function'
complete -c vfioadm -n '__vfioadm_verb apply' -l boot -d 'As the boot does it'
complete -c vfioadm -n '__vfioadm_verb config' -l initramfs -d 'Only files that belong into the initramfs'
