// Drives a browser for tests that are written in Go, see browser_test.go. The first argument is
// a JSON object with the arguments of chromium. Each line of standard input is a call
//
//	{"id": 1, "page": 1, "selector": "#to", "method": "fill", "args": ["x"]}
//
// of a method of Playwright's Page, of something below it ("keyboard.press"), or of the Locator of a
// selector. It is answered by a line {"id", "result"} or {"id", "error"}. Calls run as they
// come and may be answered in another order. At the end of standard input the browser is closed.

import readline from 'node:readline'
import { chromium } from 'playwright-core'

const { path, args, timeout } = JSON.parse(process.argv[2])
const browser = await chromium.launch({ executablePath: path, args, timeout })
const pages = new Map() // By number: the page, and what happened in it since it was last asked.

const responseOf = async r => ({
	url: r.url(), method: r.request().method(), status: r.status(), headers: await r.allHeaders(),
	protocol: await r.httpVersion(), type: r.request().resourceType(),
})

const watch = page => {
	const seen = { problems: [], responses: [] }
	// The browser asks for /favicon.ico on its own, whatever the page is.
	const icon = url => url.endsWith('/favicon.ico')
	page.on('console', m => ['error', 'warning'].includes(m.type()) && !icon(m.location().url) && seen.problems.push(`console: ${m.text()} (${m.location().url})`))
	page.on('pageerror', err => seen.problems.push(`error: ${err.stack ?? err}`))
	page.on('requestfailed', r => icon(r.url()) || seen.problems.push(`request: ${r.method()} ${r.url()}: ${r.failure()?.errorText}`))
	page.on('response', r => icon(r.url()) || seen.responses.push(responseOf(r).catch(() => null)))
	return seen
}

// Methods beside those of Playwright.
const own = {
	// open makes a page with the options of a context, which it has for itself.
	async open({ page, options }) {
		const context = await browser.newContext(options)
		context.setDefaultTimeout(timeout)
		const p = await context.newPage()
		pages.set(page, { page: p, seen: watch(p) })
	},
	async shut({ page }) {
		const p = pages.get(page).page
		pages.delete(page)
		await p.context().close()
	},
	// take returns what happened since the last call.
	async take({ page }) {
		const { problems, responses } = pages.get(page).seen
		const result = { problems: problems.splice(0), responses: responses.splice(0) }
		result.responses = (await Promise.all(result.responses)).filter(r => r !== null)
		return result
	},
}

const call = async ({ page, selector, method, args }) => {
	const p = pages.get(page).page
	let object = selector ? p.locator(selector) : p
	const names = method.split('.')
	const last = names.pop()
	for (const name of names) object = object[name]
	const result = await object[last](...args)
	// Pages, handles and the like mean nothing elsewhere.
	if (typeof result?.httpVersion === 'function') return responseOf(result)
	return result === Object(result) && ![Object, Array].includes(result.constructor) ? null : result
}

const answer = async command => {
	try {
		const result = await (Object.hasOwn(own, command.method) ? own[command.method](command) : call(command))
		return { id: command.id, result: result ?? null }
	} catch (err) {
		return { id: command.id, error: err.message }
	}
}

process.stdout.write('{"id": 0}\n') // The browser is there.
for await (const line of readline.createInterface({ input: process.stdin })) {
	answer(JSON.parse(line)).then(a => process.stdout.write(JSON.stringify(a) + '\n'))
}
await browser.close()
