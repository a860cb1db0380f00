package htmlmail

import "strings"

// cssProperties lists the properties that messages may set. None of them takes the text out of its place over
// other text, runs something, or loads anything besides images.
var cssProperties = map[string]bool{
	"background": true, "background-color": true, "background-image": true, "background-position": true, "background-repeat": true,
	"background-size": true, "background-clip": true, "background-origin": true,
	"border": true, "border-collapse": true, "border-color": true, "border-radius": true, "border-spacing": true, "border-style": true, "border-width": true,
	"border-top": true, "border-top-color": true, "border-top-style": true, "border-top-width": true, "border-top-left-radius": true, "border-top-right-radius": true,
	"border-bottom": true, "border-bottom-color": true, "border-bottom-style": true, "border-bottom-width": true, "border-bottom-left-radius": true, "border-bottom-right-radius": true,
	"border-left": true, "border-left-color": true, "border-left-style": true, "border-left-width": true,
	"border-right": true, "border-right-color": true, "border-right-style": true, "border-right-width": true,
	"outline": true, "outline-color": true, "outline-style": true, "outline-width": true,
	"box-shadow": true, "box-sizing": true, "caption-side": true, "clear": true, "color": true, "color-scheme": true,
	"column-count": true, "column-gap": true, "column-width": true, "columns": true, "row-gap": true, "gap": true,
	"content": true, "cursor": true, "direction": true, "display": true, "empty-cells": true,
	"flex": true, "flex-basis": true, "flex-direction": true, "flex-flow": true, "flex-grow": true, "flex-shrink": true, "flex-wrap": true, "order": true,
	"align-content": true, "align-items": true, "align-self": true, "justify-content": true, "justify-items": true, "justify-self": true,
	"float": true, "font": true, "font-family": true, "font-feature-settings": true, "font-kerning": true, "font-size": true, "font-stretch": true, "font-style": true,
	"font-variant": true, "font-weight": true,
	"height": true, "max-height": true, "min-height": true, "width": true, "max-width": true, "min-width": true, "object-fit": true, "object-position": true,
	"hyphens": true, "letter-spacing": true, "line-height": true, "line-break": true,
	"list-style": true, "list-style-image": true, "list-style-position": true, "list-style-type": true,
	"margin": true, "margin-bottom": true, "margin-left": true, "margin-right": true, "margin-top": true,
	"padding": true, "padding-bottom": true, "padding-left": true, "padding-right": true, "padding-top": true,
	"margin-inline": true, "margin-block": true, "padding-inline": true, "padding-block": true, "margin-inline-start": true, "margin-inline-end": true,
	"padding-inline-start": true, "padding-inline-end": true, "margin-block-start": true, "margin-block-end": true,
	"opacity": true, "orphans": true, "widows": true, "overflow": true, "overflow-wrap": true, "overflow-x": true, "overflow-y": true,
	"page-break-after": true, "page-break-before": true, "page-break-inside": true, "break-after": true, "break-before": true, "break-inside": true,
	"position": true, "quotes": true, "tab-size": true, "table-layout": true,
	"text-align": true, "text-align-last": true, "text-decoration": true, "text-decoration-color": true, "text-decoration-line": true, "text-decoration-style": true,
	"text-indent": true, "text-justify": true, "text-overflow": true, "text-shadow": true, "text-transform": true, "text-underline-offset": true,
	"vertical-align": true, "visibility": true, "white-space": true, "word-break": true, "word-spacing": true, "word-wrap": true,
	"-webkit-text-size-adjust": true, "-ms-text-size-adjust": true, "text-size-adjust": true, "-webkit-font-smoothing": true,
	"-moz-osx-font-smoothing": true, "-webkit-text-fill-color": true, "mso-hide": true,
}

// cssFunctions are those that compute a length, a colour or a picture from what is written in them.
var cssFunctions = map[string]bool{
	"calc": true, "min": true, "max": true, "clamp": true,
	"rgb": true, "rgba": true, "hsl": true, "hsla": true, "hwb": true, "lab": true, "lch": true, "oklab": true, "oklch": true,
	"linear-gradient": true, "radial-gradient": true, "repeating-linear-gradient": true, "repeating-radial-gradient": true, "conic-gradient": true,
}

// takesImage reports whether an image may be the value of a property.
func takesImage(property string) bool {
	switch property {
	case "background", "background-image", "list-style", "list-style-image":
		return true
	}
	return false
}

// allowedKeyword refuses those words whose effect is not wanted.
func allowedKeyword(property, word string) bool {
	switch word {
	case "url", "expression", "javascript", "vbscript":
		return false // They mean nothing as words, and should not look as if they did.
	}
	switch property {
	case "position":
		return word == "static" || word == "relative" || word == "initial" || word == "inherit" || word == "unset"
	case "cursor":
		return word == "auto" || word == "default" || word == "pointer" || word == "text"
	case "content":
		return word == "none" || word == "normal"
	}
	return true
}

// allowedText reports whether a string may be the value of a property. Text that style sheets put
// into a message would be seen by readers and by nothing that checks it.
func allowedText(property, text string) bool {
	switch property {
	case "font", "font-family", "quotes", "font-feature-settings", "list-style", "list-style-type", "text-overflow":
		return len(text) <= 100
	case "content":
		return strings.Trim(text, " .") == ""
	}
	return false
}
