package main

import "syscall"

// apart puts a process into a group of its own, and ends it with this one, whatever ends that.
func apart() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
