# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for vfioadm(1). Reads a few files below /sys and names below /etc, and starts nothing.

# The directory after --sysroot, or nothing for the running host.
_vfioadm_root()
{
	local i

	root=
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--sysroot=*) root=${words[i]#*=} ;;
		--sysroot) root=${words[i + 1]} ;;
		esac
	done
}

# The first line of a file, into $first. A root that somebody else has made may have a FIFO there, or no end; NUL ends
# what is read, for bash would skip any number of them.
_vfioadm_read()
{
	first=
	[[ -f $1 ]] && IFS= read -r -d '' -n 16 first < "$1"
	first=${first%%$'\n'*}
} 2> /dev/null

# Adds to $names what a path ends in. What begins with a dash would be an option on the command line.
_vfioadm_name()
{
	[[ ${1##*/} == -* ]] || names+=("${1##*/}")
}

# Every function but bridges. $1: what is added to $names, "address" or "id".
_vfioadm_functions()
{
	local dir first vendor root

	_vfioadm_root
	for dir in "$root"/sys/bus/pci/devices/*; do
		_vfioadm_read "$dir/class"
		[[ $first && $first != 0x06* ]] || continue
		if [[ $1 == address ]]; then
			_vfioadm_name "$dir"
			continue
		fi
		_vfioadm_read "$dir/vendor"
		vendor=${first#0x}
		_vfioadm_read "$dir/device"
		[[ $vendor:${first#0x} == +([[:xdigit:]]):+([[:xdigit:]]) ]] && names+=("$vendor:${first#0x}")
	done
}

_vfioadm_interfaces()
{
	local dir root

	_vfioadm_root
	for dir in "$root"/sys/bus/pci/devices/*/net/*; do
		[[ -e $dir ]] && _vfioadm_name "$dir"
	done
}

_vfioadm_vfio_drivers()
{
	local dir root

	_vfioadm_root
	names+=(auto vfio-pci)
	for dir in "$root"/sys/bus/pci/drivers/*vfio*; do
		[[ -e $dir ]] && _vfioadm_name "$dir"
	done
}

# Names of declarations, but for what is masked by an empty file, or is no name.
_vfioadm_declarations()
{
	local file name root seen=' '

	_vfioadm_root
	for file in "$root"/{etc,run,usr/lib}/vfioadm.d/*.conf; do
		name=${file##*/}
		name=${name%.conf}
		[[ $name == *[!A-Za-z0-9_.:@-]* || $seen == *" $name "* ]] && continue
		seen+="$name "
		[[ -s $file ]] && _vfioadm_name "$name"
	done
}

# Offers those arguments that begin with what was typed. Others may have chosen them, such as a container the name of
# its network interface: nothing may expand them, as compgen -W would, and on the command line they are quoted.
_vfioadm_offer()
{
	local word quoted

	COMPREPLY=()
	for word; do
		quoted=$word
		[[ $word == *[!A-Za-z0-9_.:@%+=,-]* ]] && printf -v quoted %q "$word"
		if [[ $word == "$cur"* || $quoted == "$cur"* ]]; then
			COMPREPLY+=("$quoted")
		fi
	done
}

_vfioadm_files()
{
	compopt -o filenames
	mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

# What "config" is to do, or the files that it is to check. $1: where the verb stands.
_vfioadm_config()
{
	local i what=

	for ((i = $1 + 1; i < cword; i++)); do
		case ${words[i]} in
		--sysroot | --timeout | --lock-wait | --color) ((i++)) ;;
		-*) ;;
		*)
			what=${words[i]}
			break
			;;
		esac
	done
	if [[ -z $what ]]; then
		_vfioadm_offer check list
	elif [[ $what == check ]]; then
		_vfioadm_files
	fi
}

_vfioadm_selectors()
{
	local names=()

	if [[ $cur == /* ]]; then
		_vfioadm_files
		return
	fi
	_vfioadm_functions address
	_vfioadm_interfaces
	_vfioadm_offer "${names[@]}" group= uid= fid= pchid= serial= mac= path=
	[[ ${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *= ]] && compopt -o nospace
}

# Values of the option $1, into COMPREPLY. Fails when it takes none.
_vfioadm_value()
{
	local names=()

	case $1 in
	--sysroot)
		compopt -o dirnames
		;;
	--color)
		_vfioadm_offer auto always never
		;;
	--tree)
		_vfioadm_offer groups topology
		;;
	--driver)
		_vfioadm_vfio_drivers
		_vfioadm_offer "${names[@]}"
		;;
	--only)
		_vfioadm_functions address
		_vfioadm_offer "${names[@]}"
		__ltrim_colon_completions "$cur"
		;;
	--columns)
		local done=
		[[ $cur == *,* ]] && done=${cur%,*},
		names=(address id name vendor device subsystem_vendor subsystem_device class revision
			vendor_name device_name class_name driver vfio iommu_group bridge physfn numa_node uid
			fid net block users verdict verdict_reason)
		_vfioadm_offer "${names[@]/#/$done}"
		compopt -o nospace
		;;
	--timeout | --lock-wait | --force) ;;
	*)
		return 1
		;;
	esac
}

_vfioadm()
{
	local cur prev words cword
	_init_completion -n := || return

	local verbs='list show check enable disable assign release status plan apply config import settle help'
	local global='--json --sysroot --timeout --lock-wait --quiet --verbose --color --version --help'
	local -A options=(
		[list]='--all --tree --enabled --users --columns'
		[show]='--all-matching'
		[check]='--group --all-matching --force'
		[enable]='--dry-run --force --persist --modprobe'
		[disable]='--dry-run --persist'
		[assign]='--dry-run --group --driver --all-matching --force --persist'
		[release]='--dry-run --group --all-matching --park --force --persist'
		[status]=''
		[plan]='--force --atomic --only'
		[apply]='--dry-run --force --atomic --only --boot'
		[config]='--initramfs'
		[import]='--dry-run --persist'
		[settle]='--dry-run'
		[help]=''
	)
	local verb= i

	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		--sysroot | --timeout | --lock-wait | --color) ((i++)) ;;
		-*) ;;
		*)
			verb=${words[i]}
			break
			;;
		esac
	done

	if [[ $cur == --*=* ]]; then
		local option=${cur%%=*}

		cur=${cur#*=}
		_vfioadm_value "$option"
		# What is completed is the word behind "=" alone, as "=" ends a word for readline.
		return
	fi
	if [[ $prev != --tree ]] && _vfioadm_value "$prev"; then
		return
	fi
	local names=()
	# shellcheck disable=SC2086 # our own words
	if [[ $cur == -* ]]; then
		_vfioadm_offer $global ${options[${verb:-list}]}
	elif [[ -z $verb ]]; then
		_vfioadm_offer $verbs
	else
		case $verb in
		show | check | assign | release)
			_vfioadm_selectors
			;;
		plan | apply)
			_vfioadm_declarations
			_vfioadm_offer "${names[@]}"
			;;
		config)
			_vfioadm_config "$i"
			;;
		enable | disable)
			_vfioadm_functions id
			_vfioadm_offer "${names[@]}"
			;;
		help)
			_vfioadm_offer $verbs
			;;
		esac
	fi
	# Addresses and IDs have colons, and these end a word for readline too.
	__ltrim_colon_completions "$cur"
} && complete -F _vfioadm vfioadm
