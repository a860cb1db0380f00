// Package tcp reads and writes TCP connections for less than package net: without telling the scheduler of Go. A call that the
// system may block in gives others the processor, by handing the work that waits to another thread. Those to a socket of Go do not
// block, they move some kilobytes. But on a machine with more to do than processors, they often take long enough for the scheduler
// to believe so, as the process that was waiting for the bytes runs first; and then threads wake each other up for each of them.
package tcp
