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

# Every function but bridges. $1: what to print of it, "address" or "id".
_vfioadm_functions()
{
	local dir class vendor device root

	_vfioadm_root
	for dir in "$root"/sys/bus/pci/devices/*; do
		class=
		{ read -r class < "$dir/class"; } 2> /dev/null
		[[ $class && $class != 0x06* ]] || continue
		if [[ $1 == address ]]; then
			printf '%s\n' "${dir##*/}"
		elif { read -r vendor < "$dir/vendor" && read -r device < "$dir/device"; } 2> /dev/null; then
			printf '%s:%s\n' "${vendor#0x}" "${device#0x}"
		fi
	done
}

_vfioadm_interfaces()
{
	local dir root

	_vfioadm_root
	for dir in "$root"/sys/bus/pci/devices/*/net/*; do
		[[ -e $dir ]] && printf '%s\n' "${dir##*/}"
	done
}

_vfioadm_vfio_drivers()
{
	local dir root

	_vfioadm_root
	printf '%s\n' auto vfio-pci
	for dir in "$root"/sys/bus/pci/drivers/*vfio*; do
		[[ -e $dir ]] && printf '%s\n' "${dir##*/}"
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
		[[ -s $file ]] && printf '%s\n' "$name"
	done
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
		COMPREPLY=($(compgen -W 'check list' -- "$cur"))
	elif [[ $what == check ]]; then
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur"))
	fi
}

_vfioadm_selectors()
{
	if [[ $cur == /* ]]; then
		compopt -o filenames
		COMPREPLY=($(compgen -f -- "$cur"))
		return
	fi
	COMPREPLY=($(compgen -W "$(_vfioadm_functions address) $(_vfioadm_interfaces)
		group= uid= fid= pchid= serial= mac= path=" -- "$cur"))
	[[ ${#COMPREPLY[@]} -eq 1 && $COMPREPLY == *= ]] && compopt -o nospace
}

# Values of the option $1, into COMPREPLY. Fails when it takes none.
_vfioadm_value()
{
	case $1 in
	--sysroot)
		compopt -o dirnames
		;;
	--color)
		COMPREPLY=($(compgen -W 'auto always never' -- "$cur"))
		;;
	--tree)
		COMPREPLY=($(compgen -W 'groups topology' -- "$cur"))
		;;
	--driver)
		COMPREPLY=($(compgen -W "$(_vfioadm_vfio_drivers)" -- "$cur"))
		;;
	--only)
		COMPREPLY=($(compgen -W "$(_vfioadm_functions address)" -- "$cur"))
		__ltrim_colon_completions "$cur"
		;;
	--columns)
		local done=
		[[ $cur == *,* ]] && done=${cur%,*},
		COMPREPLY=($(compgen -P "$done" -W 'address id name vendor device subsystem_vendor
			subsystem_device class revision vendor_name device_name class_name driver vfio
			iommu_group bridge physfn numa_node uid fid net block users verdict
			verdict_reason' -- "${cur##*,}"))
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
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$global ${options[${verb:-list}]}" -- "$cur"))
	elif [[ -z $verb ]]; then
		COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
	else
		case $verb in
		show | check | assign | release)
			_vfioadm_selectors
			;;
		plan | apply)
			COMPREPLY=($(compgen -W "$(_vfioadm_declarations)" -- "$cur"))
			;;
		config)
			_vfioadm_config "$i"
			;;
		enable | disable)
			COMPREPLY=($(compgen -W "$(_vfioadm_functions id)" -- "$cur"))
			;;
		help)
			COMPREPLY=($(compgen -W "$verbs" -- "$cur"))
			;;
		esac
	fi
	# Addresses and IDs have colons, and these end a word for readline too.
	__ltrim_colon_completions "$cur"
} && complete -F _vfioadm vfioadm
