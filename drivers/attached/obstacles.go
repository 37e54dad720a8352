package attached

import (
	"cmp"
	"fmt"
	"slices"

	"honnin/drivers/internal/usb"
)

// remedies is what to do about a program that has a device.
var remedies = map[string]string{
	"pcscd":   "systemctl disable --now pcscd.socket pcscd.service, or use it: reader pcsc",
	"ipp-usb": "systemctl disable --now ipp-usb.service, or print through it: printer ipp://localhost:60000/ipp/print",
	"usb":     "cancel its jobs and remove its queue: lpadmin -x QUEUE", // CUPS's backend
	"honnind": "nothing, if it is the terminal of this machine",
}

// obstacles is what keeps this process from a device's readers and printers.
func obstacles(bus usb.Bus, i usb.Info) (all []Obstacle) {
	if i.Broken != nil {
		all = append(all, Obstacle{BadDescriptors, "", "it describes itself wrongly", "plug it in anew; if that does not help, replace it"})
	}
	if !slices.ContainsFunc(i.Settings, ours) {
		return all
	}
	if i.Denied {
		all = append(all, Obstacle{NoPermission, "", "no permission", fmt.Sprintf("honnind devices --rules >/etc/udev/rules.d/%s; then see its first lines", usb.Rules)})
	}
	told := map[string]bool{}
	for _, s := range i.Settings {
		driver := i.Drivers[s.Interface]
		if !ours(s) || driver == "" || told[driver] {
			continue
		}
		told[driver] = true
		all = append(all, bound(bus, i.Place, driver))
	}
	return all
}

func ours(s usb.Setting) bool { return s.Class == classPrinter || s.Class == classReader }

func bound(bus usb.Bus, at usb.Place, driver string) Obstacle {
	if driver != usb.Program {
		return Obstacle{KernelDriver, driver, "the kernel driver " + driver, "nothing: it is detached while a terminal runs"}
	}
	by := bus.Holder(at)
	holder := cmp.Or(by, "another program")
	do, known := remedies[holder]
	if !known {
		do = "end it"
	}
	return Obstacle{InUse, by, holder + " has it", do}
}
