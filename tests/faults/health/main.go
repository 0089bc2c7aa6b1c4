// health says what Flux (kstatus, its own code) and Argo CD (its Lua, in the interpreter that it uses) make of objects.
//
// In: JSON lines, an object each. Out: a JSON line for each: {"kstatus": {...}, "argocd": {...}}.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"

	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

func main() {
	script, err := os.ReadFile(os.Args[1])
	end(err)
	lines := bufio.NewReader(os.Stdin)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		object := &unstructured.Unstructured{}
		end(object.UnmarshalJSON(line))
		computed, err := status.Compute(object)
		end(err)
		end(out.Encode(map[string]health{
			"kstatus": {string(computed.Status), computed.Message},
			"argocd":  argocd(string(script), object.Object),
		}))
	}
}

// argocd calls the script as Argo CD does: the global `obj` is the object, and it returns a table.
func argocd(script string, object map[string]any) health {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	state.Push(state.NewFunction(lua.OpenBase))
	state.Call(0, 0)
	state.SetGlobal("obj", value(state, object))
	end(state.DoString(script))
	answer := state.Get(-1).(*lua.LTable)
	return health{lua.LVAsString(answer.RawGetString("status")), lua.LVAsString(answer.RawGetString("message"))}
}

func value(state *lua.LState, of any) lua.LValue {
	switch known := of.(type) {
	case map[string]any:
		table := state.NewTable()
		for key, each := range known {
			table.RawSetString(key, value(state, each))
		}
		return table
	case []any:
		table := state.NewTable()
		for _, each := range known {
			table.Append(value(state, each))
		}
		return table
	case string:
		return lua.LString(known)
	case int64:
		return lua.LNumber(known)
	case float64:
		return lua.LNumber(known)
	case bool:
		return lua.LBool(known)
	}
	return lua.LNil
}

func end(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
