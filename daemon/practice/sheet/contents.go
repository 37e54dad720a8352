package sheet

func (r ResidentRecord) form() (form, error)   { return form{}, ErrContent }
func (r ResidentItems) form() (form, error)    { return form{}, ErrContent }
func (r SealRegistration) form() (form, error) { return form{}, ErrContent }
func (r FamilyRegister) form() (form, error)   { return form{}, ErrContent }
func (r FamilySupplement) form() (form, error) { return form{}, ErrContent }
func (r IncomeTax) form() (form, error)        { return form{}, ErrContent }
func (r TaxPaid) form() (form, error)          { return form{}, ErrContent }

func canonical(c Content) []byte {
	f, err := c.form()
	if err != nil {
		return nil
	}
	return f.canonical()
}

// Canonical implements [Content].
func (r ResidentRecord) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r ResidentItems) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r SealRegistration) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r FamilyRegister) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r FamilySupplement) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r IncomeTax) Canonical() []byte { return canonical(r) }

// Canonical implements [Content].
func (r TaxPaid) Canonical() []byte { return canonical(r) }
